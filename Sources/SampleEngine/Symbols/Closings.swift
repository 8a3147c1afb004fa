/// Files that are not needed any more, until they are closed: that is done by errands.
struct Closings: ~Copyable {
    private var due: [DroppedFiles] = []
    private var underWay = 0

    /// Descriptors that are open still.
    var descriptorCount: Int { underWay + due.reduce(0) { $0 + $1.descriptors } }

    /// A table goes.
    mutating func drop(_ table: ImageStore.Table) {
        var files: [AnyObject] = [table.image.value]
        if let symbols = table.symbols { files.append(symbols.value) }
        due.append(DroppedFiles(files, descriptors: table.descriptors, payer: table.payer))
    }

    /// A table is not kept.
    mutating func drop(_ symbols: Lent<ImageSymbols>, descriptors: Int, payer: Payer) {
        due.append(DroppedFiles([symbols.value], descriptors: max(descriptors, 0), payer: payer))
    }

    /// A file that was opened is not needed.
    mutating func drop(_ opened: ImageStore.Opened) {
        guard case .success(let image) = opened.result else { return }
        due.append(DroppedFiles([image.value], descriptors: 1, payer: opened.payer))
    }

    mutating func takeErrands() -> [Errand] {
        defer { due = [] }
        return due.map { files in
            underWay += files.descriptors
            return Errand(.finding, of: nil, for: files.payer) { _ in
                files.close()
                return .closed(descriptors: files.descriptors)
            } instead: {
                .notClosed(files)
            }
        }
    }

    /// Some were closed, in time or not.
    mutating func noteClosed(_ descriptors: Int) { underWay -= descriptors }

    /// They were not closed: nobody could be asked to, or whoever does it does not come home.
    mutating func takeBack(_ files: DroppedFiles) {
        if files.isEmpty { return }
        underWay -= files.descriptors
        due.append(files)
    }
}

/// Files that nobody needs any more, to be closed by whoever empties it: the last one to close a file waits until its file
/// system is done with it, and with its blocks where it was deleted.
final class DroppedFiles: Sendable {
    private let files: Guarded<[Lent<AnyObject>]>
    let descriptors: Int
    let payer: Payer

    init(_ files: [AnyObject], descriptors: Int, payer: Payer) {
        self.files = Guarded(files.map { Lent($0) })
        self.descriptors = descriptors
        self.payer = payer
    }

    var isEmpty: Bool { files.withLock { $0.isEmpty } }

    func close() {
        // They end here, and not under the lock.
        let files = files.withLock { files in
            defer { files = [] }
            return files
        }
        _ = consume files
    }
}
