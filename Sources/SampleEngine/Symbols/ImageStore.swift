internal import CLinuxShims
internal import Glibc

/// The files whose symbols were asked for, each opened once, failures remembered. Used by the resolver thread.
package struct ImageStore: ~Copyable {
    private var images: [MappedFile: Image] = [:]
    private var clock: UInt64 = 0
    private let opener = FileOpener()

    package init() {}

    /// Most files kept open, and most bytes of tables; the one not used for longest goes first.
    private static var openLimit: Int { 256 }
    private static var byteLimit: Int { 512 << 20 }
    /// Nanoseconds; a file that is written to all the time is not read all the time.
    private static var rereadPause: UInt64 { 1_000_000_000 }

    /// A file with its symbols, or the reason why there are none.
    package struct Image {
        package let module: Module
        package var symbols: Result<ImageSymbols, Unresolved>
        /// How it was opened and what was read, for whoever asks later.
        fileprivate var road: Explanation
        fileprivate var lastUse: UInt64
        fileprivate var read: Instant
        /// The process by which opening it was tried.
        fileprivate var triedPID: Int32
    }

    /// Where a file may be opened: a process that maps it, and the range.
    package struct Witness: Sendable {
        package var pid: Int32
        package var start: UInt64
        package var end: UInt64

        package init(pid: Int32, start: UInt64, end: UInt64) {
            self.pid = pid
            self.start = start
            self.end = end
        }
    }

    /// The file's image; opens and reads it when it is asked for first.
    ///
    /// - Parameter explanation: takes up how it was opened, now or before, and which tables were read.
    package mutating func image(
        of file: MappedFile, seenBy witness: Witness, explanation: inout Explanation
    ) -> Image {
        clock += 1
        let image: Image
        if var known = images[file] {
            known.lastUse = clock
            switch known.symbols {
            // A process that maps a file anew is a new way to it.
            case .failure: if known.triedPID != witness.pid { known = read(file, witness) }
            // Somebody has written to it: what is mapped of it is what it holds now.
            case .success(let symbols):
                if symbols.isChanged, Instant.now.nanoseconds(since: known.read) > Self.rereadPause {
                    known = read(file, witness)
                }
            }
            image = known
        } else {
            makeRoom()
            image = read(file, witness)
        }
        images[file] = image
        for step in image.road.steps { explanation.add(step) }
        return image
    }

    /// Whether a file that was read has been written to since.
    package func isChanged(_ file: MappedFile) -> Bool {
        if case .success(let symbols)? = images[file]?.symbols { symbols.isChanged } else { false }
    }

    private func read(_ file: MappedFile, _ witness: Witness) -> Image {
        var symbols: ImageSymbols?
        // Kept in any case: a few lines beside megabytes, and the file is read but once.
        var road = Explanation(isWanted: true)
        let debugFiles = DebugFiles(ofImageAt: file.path, processRoot: "/proc/\(witness.pid)/root")
        let reason = opener.open(
            file, pid: witness.pid, start: witness.start, end: witness.end, explanation: &road
        ) { descriptor, road in
            do throws(ELFError) {
                let image = try OpenImage(descriptor)
                let expected = file.identity.buildIDBytes
                let found = hexadecimal(image.headers.buildID)
                if !expected.isEmpty {
                    guard image.headers.buildID.starts(with: expected) else {
                        road.add("file changed (build-id \(found), was \(hexadecimal(expected)))")
                        return .fileChanged
                    }
                    road.add("build-id \(found) matches")
                }
                symbols = try ImageSymbols(reading: image, debugFiles: debugFiles, explanation: &road)
                return nil
            } catch {
                road.add(error.text)
                return Unresolved(error)
            }
        }
        let buildID = symbols?.buildID ?? file.identity.buildIDBytes
        let module = Module(
            name: displayText(file.path.split(separator: UInt8(ascii: "/")).last ?? [], limit: 255),
            path: displayText(file.path), buildID: hexadecimal(buildID))
        return Image(
            module: module, symbols: symbols.map { .success($0) } ?? .failure(reason ?? .imageHasNoSymbols),
            road: road, lastUse: clock, read: .now, triedPID: witness.pid)
    }

    private mutating func makeRoom() {
        func bytes() -> Int {
            images.values.reduce(0) { sum, image in
                if case .success(let symbols) = image.symbols { sum + symbols.byteCount } else { sum + 256 }
            }
        }
        func descriptors() -> Int {
            images.values.reduce(0) { sum, image in
                if case .success(let symbols) = image.symbols { sum + symbols.descriptorCount } else { sum + 1 }
            }
        }
        while descriptors() >= Self.openLimit || images.count > 1 && bytes() > Self.byteLimit {
            guard let oldest = images.min(by: { $0.value.lastUse < $1.value.lastUse }) else { return }
            images[oldest.key] = nil
        }
    }
}
