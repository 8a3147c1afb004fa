@main
struct Perftop {
    static func main() {}
}
