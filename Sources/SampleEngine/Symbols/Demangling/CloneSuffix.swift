/// The ending of a name that marks a part or a copy of a function: `.cold`, `.part.0`, `.isra.0`, `.constprop.0`,
/// `.llvm.123`, `.__uniq.123`, `.lto_priv.0`, `.resume`, or several of them.
struct CloneSuffix {
    /// Index of the first dot.
    let start: Int
    /// Without the first dot, and without the long numbers of `.llvm` and `.__uniq`.
    let label: [UInt8]

    init?(of name: [UInt8]) {
        var start = name.count
        var label: [UInt8] = []
        while let dot = name[..<start].lastIndex(of: 0x2e), dot > 0 {
            var word = name[(dot + 1)..<start]
            var begin = dot
            let isNumber = !word.isEmpty && word.allSatisfy { (0x30...0x39).contains($0) }
            if isNumber {
                guard let before = name[..<dot].lastIndex(of: 0x2e), before > 0 else { break }
                begin = before
                word = name[(before + 1)..<dot]
            }
            guard let kind = Self.kinds.first(where: { word.elementsEqual($0.utf8) }),
                isNumber || !Self.numbered.contains(kind)
            else { break }
            let isLong = kind == "llvm" || kind == "__uniq"
            let shown = isLong ? Array(word) : Array(name[(begin + 1)..<start])
            label = label.isEmpty ? shown : shown + [0x2e] + label
            start = begin
        }
        if label.isEmpty { return nil }
        self.start = start
        self.label = label
    }

    private static let kinds =
        numbered + ["cold", "warm", "hot", "unlikely", "localalias", "resume", "destroy", "cleanup", "actor"]
        + ["resolver", "ifunc", "cfi", "cfi_jt", "simdclone", "extracted", "specialized"]
    /// Words that mean this only with a number behind them.
    private static let numbered = [
        "part", "isra", "constprop", "llvm", "lto_priv", "__uniq", "_omp_fn", "omp_outlined", "clone", "org", "memprof",
    ]
}
