// Computes in generics, closures and asynchronous functions, for a minute at the most.
#if canImport(Glibc)
    import Glibc
#endif

protocol Shape { func area(_ scale: Double) -> Double }

struct Square: Shape {
    var side: Double
    @inline(never) func area(_ scale: Double) -> Double {
        var sum = 0.0
        for step in 0..<60_000 { sum += side * scale * Double(step & 3) }
        return sum
    }
}

@inline(never) func sum<Item: Shape>(of items: [Item], _ scale: Double) -> Double {
    items.reduce(0) { $0 + $1.area(scale) }
}

@inline(never) func spin(_ rounds: Int, _ work: (Int) -> Int) -> Int {
    var value = 1
    for _ in 0..<rounds { value = work(value) }
    return value
}

actor Counter {
    var total = 0
    func add(_ amount: Int) async -> Int {
        total = spin(60_000) { $0 &* 31 &+ amount }
        await Task.yield()
        return total
    }
}

@main struct Names {
    static func main() async {
        alarm(60)
        print("ready")
        fflush(stdout)
        let counter = Counter()
        var scale = 1.0
        while true {
            scale = sum(of: [Square(side: 1), Square(side: 2)], scale).truncatingRemainder(dividingBy: 7) + 1
            _ = await counter.add(Int(scale))
        }
    }
}
