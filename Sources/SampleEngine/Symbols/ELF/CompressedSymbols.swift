internal import CLinuxShims
internal import Glibc

/// The small image that `.gnu_debugdata` holds: an ELF file, xz-compressed, with symbols and nothing else.
///
/// Distributions put it into stripped programs for the functions that are not exported (gdb manual, "MiniDebugInfo").
enum CompressedSymbols {
    static let maximumSize = 64 << 20
    /// Symbols shrink to a fifth. What shrinks to less than a hundredth was made to fill memory; small files may.
    static let maximumRatio = 100
    static let freeSize = 1 << 20
    /// The strongest setting of xz needs 65 MiB.
    static let decoderMemory: UInt64 = 72 << 20

    /// Decompresses the section into a file of memory, so that it is read like any other; nil where there is none.
    ///
    /// - Throws: `truncated` (also for what is no xz stream), `tooLarge`, or what the image inside deserves.
    static func open(in image: OpenImage) throws(ELFError) -> OpenImage? {
        guard let section = image.headers.sections(named: .compressedSymbols).first else { return nil }
        guard section.size <= UInt64(maximumSize) else { throw .tooLarge }
        let range = try image.headers.fileRange(of: section)
        return try OpenImage(
            inflated(image.file.bytes(at: range.offset, count: Int(range.size))), meter: image.file.meter)
    }

    /// The content of an xz stream.
    static func inflated(_ packed: [UInt8]) throws(ELFError) -> Descriptor {
        let capacity = min(maximumSize, max(freeSize, maximumRatio * packed.count))
        var outcome = -1
        // Room that is not filled is never touched, and so costs nothing.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { out, count in
            outcome = unsafe packed.withUnsafeBufferPointer {
                unsafe pt_unxz($0.baseAddress, $0.count, out.baseAddress, capacity, decoderMemory)
            }
            count = max(0, outcome)
        }
        switch outcome {
        case 0...: break
        case -2, -3: throw .tooLarge
        default: throw .truncated
        }
        do throws(Errno) {
            let file = Descriptor(owning: try systemCall { unsafe pt_memfd("debugdata") })
            let number = file.number
            var done = 0
            while done < bytes.count {
                done += try systemCall {
                    unsafe bytes.withUnsafeBytes {
                        unsafe write(number, $0.baseAddress?.advanced(by: done), bytes.count - done)
                    }
                }
            }
            return file
        } catch {
            throw .read(error)
        }
    }
}
