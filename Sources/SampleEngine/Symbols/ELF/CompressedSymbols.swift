internal import CLinuxShims
internal import Glibc

/// The small image that `.gnu_debugdata` holds: an ELF file, xz-compressed, with symbols and nothing else.
///
/// Distributions put it into stripped programs for the functions that are not exported (gdb manual, "MiniDebugInfo").
enum CompressedSymbols {
    static let maximumSize = 32 << 20
    /// Symbols shrink to a fifth. What shrinks to less than a hundredth was made to fill memory; small files may.
    static let maximumRatio = 100
    static let freeSize = 1 << 20
    /// The strongest setting of xz says 65 MiB, whatever it packs; distributions use the one of 9 MiB. No more of it is
    /// used than is made.
    static let decoderMemory: UInt64 = 72 << 20
    /// What is larger is inflated by one reader at a time.
    static let smallSize = 4 << 20
    static let turn = Turn()

    /// Decompresses the section into a file of memory, so that it is read like any other; nil where there is none.
    ///
    /// - Throws: `truncated` (also for what is no xz stream), `tooLarge`, or what the image inside deserves.
    static func open(in image: OpenImage) throws(ELFError) -> OpenImage? {
        guard let section = image.headers.sections(named: .compressedSymbols).first else { return nil }
        guard section.size <= UInt64(maximumSize) else { throw .tooLarge }
        return try OpenImage(
            inflated(image.headers.fileRange(of: section), of: image.file), meter: image.file.meter)
    }

    /// The content of an xz stream, inflated piece by piece, so that no more of it than a piece is held besides.
    static func inflated(_ packed: FileRange, of file: ImageFile) throws(ELFError) -> Descriptor {
        let capacity = min(maximumSize, max(freeSize, maximumRatio * Int(min(packed.size, UInt64(maximumSize)))))
        guard let decoder = unsafe pt_xz_open(decoderMemory) else { throw .tooLarge }
        defer { unsafe pt_xz_close(decoder) }
        let content = try memoryFile()
        var input = try EntryReader(in: packed, entrySize: 1, limit: maximumSize)
        var output = [UInt8](repeating: 0, count: 65_536)
        var size = 0
        var number: UInt64?
        defer { if let number { turn.giveBack(number) } }
        while try input.next(from: file) {
            var used = 0
            while true {
                let step = unsafe output.withUnsafeMutableBufferPointer { out in
                    unsafe input.bytes.span.extracting(last: input.count - used).withUnsafeBufferPointer {
                        unsafe pt_xz_next(decoder, $0.baseAddress, $0.count, out.baseAddress, out.count)
                    }
                }
                if step.status == -3 { throw .tooLarge }
                if step.status < 0 { throw .truncated }
                (used, size) = (used + step.used, size + step.made)
                if size > capacity { throw .tooLarge }
                if let number {
                    turn.move(number)
                } else if size > smallSize {
                    number = try waitForTurn(file.meter)
                }
                // What is made costs time and memory as what is read does.
                try file.meter.charge(step.made)
                try append(output, count: step.made, to: content)
                if step.status == 1 { return content }
                if step.made < output.count {
                    // There was room, so all that was given has been used.
                    guard used == input.count else { throw .truncated }
                    break
                }
            }
        }
        throw .truncated
    }

    private static func waitForTurn(_ meter: ReadingMeter) throws(ELFError) -> UInt64 {
        while true {
            if let number = turn.take() { return number }
            try meter.check()
            usleep(5000)
        }
    }

    private static func memoryFile() throws(ELFError) -> Descriptor {
        do throws(Errno) {
            return Descriptor(owning: try systemCall { unsafe pt_memfd("debugdata") })
        } catch {
            throw .read(error)
        }
    }

    private static func append(_ bytes: [UInt8], count: Int, to file: borrowing Descriptor) throws(ELFError) {
        let number = file.number
        var done = 0
        do throws(Errno) {
            while done < count {
                done += try systemCall {
                    unsafe bytes.withUnsafeBytes {
                        unsafe write(number, $0.baseAddress?.advanced(by: done), count - done)
                    }
                }
            }
        } catch {
            throw .read(error)
        }
    }
}
