/// What a mapping's path says it is.
enum PathClass {
    case file, memoryFile, memory, vdso
    /// Any other name in brackets: `/proc` has it too.
    case kernelPage

    init(_ path: Range<Int>, in bytes: RawSpan) {
        if Self.begins("[vdso]", path, bytes) {
            self = .vdso
        } else if Self.memoryPrefixes.contains(where: { Self.begins($0, path, bytes) }) || path.isEmpty {
            self = .memory
        } else if Self.begins("[", path, bytes) {
            self = .kernelPage
        } else if Self.begins("/memfd:", path, bytes) {
            self = .memoryFile
        } else {
            self = .file
        }
    }

    private static let memoryPrefixes: [StaticString] = [
        "//anon", "[heap]", "[stack", "[anon", "/dev/zero", "/anon_hugepage", "/SYSV",
    ]

    private static func begins(_ prefix: StaticString, _ path: Range<Int>, _ bytes: RawSpan) -> Bool {
        guard path.count >= prefix.utf8CodeUnitCount else { return false }
        for index in 0..<prefix.utf8CodeUnitCount {
            let byte = unsafe bytes.unsafeLoad(fromByteOffset: path.lowerBound + index, as: UInt8.self)
            let wanted = unsafe prefix.utf8Start[index]
            if byte != wanted { return false }
        }
        return true
    }
}
