internal import CLinuxShims
internal import Glibc

// What errands do for the image store: opening a file, and reading its tables. Any thread, one at a time for one file.

extension ImageStore {
    /// Opens and reads a file at once, for who waits himself; how that was done stands beside what came of it.
    package static func read(
        _ file: MappedFile, seenBy witness: Witness
    ) -> (symbols: Result<ImageSymbols, Unresolved>, steps: [String]) {
        let opened = Opened(file, witness, ProcReader(), isExplained: true, .unlimited)
        switch opened.result {
        case .failure(let reason): return (.failure(reason), opened.road.steps)
        case .success(let image):
            let key = opened.key ?? TableKey(file: FileNumber(device: 0, inode: 0), stamp: image.value.stamp)
            let reading = Reading(key, image, opened.debugFiles, nil, [], isExplained: true, .unlimited)
            let symbols = reading.symbols.map { Result<ImageSymbols, Unresolved>.success($0.value) }
            return (symbols ?? .failure(reading.refusal ?? .imageHasNoSymbols), opened.road.steps + reading.road)
        }
    }

    /// What came of opening a mapped file.
    package struct Opened: Sendable {
        let file: MappedFile
        let witness: Witness
        let result: Result<Lent<OpenImage>, Unresolved>
        let debugFiles: DebugFiles
        /// Which file it is, whatever it is called; nil where that cannot be read.
        let key: TableKey?
        /// Whether its file system answers at once, whatever is asked of it.
        let answersAtOnce: Bool
        /// Who is charged for reading it.
        let payer: Payer
        /// How it was opened.
        let road: Explanation

        private typealias Found = (image: OpenImage, place: PlaceFacts, answersAtOnce: Bool)

        /// Opens it while a process lives that maps it, and makes sure that it is the one that was mapped.
        ///
        /// - Parameters:
        ///   - proc: tells of the process; nil: that is not to be asked, and our own root must do.
        ///   - asker: who is charged for opening it.
        init(
            _ file: MappedFile, _ witness: Witness, _ proc: ProcReader?, for asker: Payer = .ours, isExplained: Bool,
            _ permit: ReadingPermit
        ) {
            self.file = file
            let opener = FileOpener(for: asker)
            var (road, image, used) = (Explanation(isWanted: isExplained), Found?.none, witness)
            if let proc, used.start == used.end, let range = proc.range(of: file.path, in: used.pid) {
                (used.start, used.end) = (range.lowerBound, range.upperBound)
            }
            var reason = Self.open(file, proc == nil ? nil : used, opener, permit, &road, &image)
            if case .imageUnreadable? = reason, let proc {
                // Where the leader has exited, another thread still has the memory.
                let other = proc.livingTask(of: witness.pid)
                if other != witness.pid {
                    used.pid = other
                    reason = Self.open(file, used, opener, permit, &road, &image)
                }
            }
            self.witness = witness
            self.road = road
            // A file that our own root has under this path is ours, and is read once for everybody.
            let isOurs = image.map { opener.leads(file.path, below: "/", to: $0.place) } ?? false
            let root = isOurs ? nil : file.root
            debugFiles = DebugFiles(ofImageAt: file.path, seenBy: proc == nil ? nil : used.pid, in: root, for: asker)
            result = image.map { .success(Lent($0.image)) } ?? .failure(reason ?? .imageHasNoSymbols)
            key = image.map { TableKey($0.place, $0.image.stamp, in: root) }
            answersAtOnce = image?.answersAtOnce ?? false
            payer = image.map { Self.payer($0, proc, used.pid) } ?? .unknown
        }

        /// Whoever runs it, unless it is root's or ours on a file system of this machine: that costs no more than it
        /// must. It must not be a process with other mounts either, which decides where its debug file is looked for.
        private static func payer(
            _ found: Found, _ proc: ProcReader?, _ witness: Int32
        ) -> Payer {
            let seesOthers = proc?.seesOtherMounts(witness) ?? false
            if found.answersAtOnce, !seesOthers, Payer(user: found.place.user) == .ours { return .ours }
            return proc?.payer(of: witness) ?? .unknown
        }

        /// Stands for one that does not come home.
        init(leaving file: MappedFile, _ witness: Witness) {
            self.file = file
            self.witness = witness
            result = .failure(.noAnswer)
            debugFiles = DebugFiles(ofImageAt: file.path, processRoot: "")
            key = nil
            answersAtOnce = false
            payer = .unknown
            road = Explanation(isWanted: false)
        }

        private static func open(
            _ file: MappedFile, _ witness: Witness?, _ opener: FileOpener, _ permit: ReadingPermit,
            _ road: inout Explanation, _ image: inout Found?
        ) -> Unresolved? {
            opener.open(file, seenBy: witness, explanation: &road) { opened, road in
                let (place, answersAtOnce) = (opened.place, opened.fileSystem.answersAtOnce)
                do throws(ELFError) {
                    let found = try OpenImage(opened.file, meter: permit.meter())
                    let expected = file.identity.buildIDBytes
                    if !expected.isEmpty {
                        let shown = hexadecimal(found.headers.buildID)
                        guard found.headers.buildID.starts(with: expected) else {
                            road.add("file changed (build-id \(shown), was \(hexadecimal(expected)))")
                            return .fileChanged
                        }
                        road.add("build-id \(shown) matches")
                    }
                    image = (found, place, answersAtOnce)
                    return nil
                } catch {
                    road.add(error.text)
                    return Unresolved(error)
                }
            }
        }
    }

    /// What came of reading a file's tables, or of looking into them again.
    package struct Reading: Sendable {
        let key: TableKey
        private(set) var symbols: Lent<ImageSymbols>?
        private(set) var answers: [Answered] = []
        /// What was asked and not answered.
        private(set) var unanswered: [Asked] = []
        /// Why the file was given up.
        private(set) var refusal: Unresolved?
        /// Somebody has written to it.
        private(set) var isChanged = false
        /// Which tables were read.
        private(set) var road: [String] = []
        /// Whether it has to be searched again for each place.
        private(set) var isSearched = false
        private(set) var byteCount = 0
        private(set) var descriptors = 1
        /// Nanoseconds of processor time that reading tables took, or searching one; 0 where it was kept.
        private(set) var cost: UInt64 = 0

        /// - Parameters:
        ///   - known: nil where they are not read yet.
        ///   - budget: nanoseconds of processor time that it may cost.
        init(
            _ key: TableKey, _ lent: Lent<OpenImage>, _ debugFiles: DebugFiles, _ known: Lent<ImageSymbols>?,
            _ places: [Asked], isExplained: Bool, _ permit: ReadingPermit,
            budget: UInt64 = ReadingMeter.Limits().nanoseconds
        ) {
            self.key = key
            unanswered = places
            let image = lent.value
            let meter = permit.meter(ReadingMeter.Limits(nanoseconds: budget))
            let begun = ownThreadNanoseconds()
            do throws(ELFError) {
                try image.checkUnchanged()
                let table: ImageSymbols
                if let known {
                    table = known.value
                } else {
                    var explanation = Explanation(isWanted: isExplained)
                    defer { road = explanation.steps }
                    table = try ImageSymbols(
                        reading: image, debugFiles: debugFiles, meter: meter, explanation: &explanation)
                }
                self.symbols = Lent(table)
                byteCount = table.byteCount
                descriptors = table.descriptorCount
                isSearched = table.isSparse
                try answer(places, table, meter)
            } catch {
                if isExplained { road.append(error.text) }
                isChanged = error == .changed
                refusal = Unresolved(error)
            }
            if known == nil || isSearched { cost = ownThreadNanoseconds() &- begun }
        }

        private mutating func answer(
            _ places: [Asked], _ table: ImageSymbols, _ meter: ReadingMeter
        ) throws(ELFError) {
            let addresses = places.map { table.imageAddress(of: $0.offset) }
            var rest = table.answers(at: addresses.compactMap(\.self), meter: meter)[...]
            // Names are made readable at the file's cost, too: whoever wrote it decides how long that takes.
            meter.begin()
            defer { meter.end() }
            for (place, address) in zip(places, addresses) {
                try meter.check()
                var question = place.question
                for step in road { question.explanation.add(step) }
                let found = address == nil ? nil : rest.popFirst()
                if let error = error(in: found) {
                    answers = []
                    throw error
                }
                let answer = Symbolizer.answer(
                    found, at: address, place.offset, in: place.module, &question.explanation)
                answers.append((question, answer))
            }
            unanswered = []
        }

        /// What concerns the file as a whole, and not one place in it.
        private func error(in answer: SymbolAnswer?) -> ELFError? {
            switch answer {
            // Found out by a pass over its tables, which the next one would find again.
            case .some(.none(.imageUnreadable(let errno))) where isSearched: .read(Errno(errno))
            case .some(.none(.fileChanged)): .changed
            case .some(.none(.tooCostly)): .tooCostly
            case .some(.none(.stopped)): .stopped
            default: nil
            }
        }
    }
}

extension ImageStore.TableKey {
    /// - Parameter root: what it is called may be told there alone; nil: it is ours.
    init(_ place: PlaceFacts, _ stamp: FileStamp, in root: ProcessRoot? = nil) {
        self.init(file: ImageStore.FileNumber(device: place.device, inode: place.inode, root: root), stamp: stamp)
    }
}

extension ProcReader {
    /// Where a process has mapped a file as code.
    fileprivate func range(of path: [UInt8], in pid: Int32) -> Range<UInt64>? {
        maps(of: pid, wanted: [])?.lines.first { $0.path == path }?.witness
    }
}
