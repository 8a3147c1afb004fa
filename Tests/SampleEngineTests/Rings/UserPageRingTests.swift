import CLinuxShims
import Glibc
import SampleEngine
import SampleEngineTestSupport
import Synchronization
import Testing

@Suite("The control page of a ring: count and times of one moment, without a system call")
struct UserPageRingTests {
    private func page(_ mapping: borrowing RingMapping, isOwnThread: Bool = false) throws -> UserPage {
        let page = mapping.readPage(isOwnThread: isOwnThread)
        return try #require(page)
    }

    @Test("What a writer puts into the page is read from it")
    func update() throws {
        let ring = TestRing(pages: 0)
        let mapping = try ring.software.map(pages: 0)
        let empty = try page(mapping)
        #expect(empty.index == 0 && empty.offset == 0 && empty.count == 0 && empty.timeEnabled == 0)
        for turn in 1...100 as ClosedRange<UInt64> {
            #expect(ring.writer.updatePage(count: turn, enabled: 2 * turn, running: 3 * turn))
            let page = try page(mapping)
            #expect(page.count == turn && page.timeEnabled == 2 * turn && page.timeRunning == 3 * turn)
        }
    }

    @Test("A page that is odd for ever gives nothing, and holds nobody")
    func oddForEver() throws {
        let ring = TestRing(pages: 0)
        let mapping = try ring.software.map(pages: 0)
        ring.poke.setSequence(7)
        #expect(mapping.readPage() == nil)
        #expect(mapping.readPage(attempts: -1) == nil)
        ring.poke.setSequence(8)
        #expect(mapping.readPage() != nil)
    }

    @Test("Several writers and a reader: never a mixed pair, and the last one taken stays")
    func concurrentUpdates() throws {
        let ring = TestRing(pages: 0)
        let mapping = try ring.software.map(pages: 0)
        let running = Counter(3)
        let turns: UInt64 = 5_000
        let seen = Counter(0)
        let lastTurns = (0..<3).map { _ in Counter(0) }
        let threads = try (0..<3 as Range<UInt64>).map { number in
            ThreadBox(
                try EngineThread(name: "counter", stackSize: 1 << 20) {
                    var turn: UInt64 = 0
                    // While the holder does not run, the others fill the sixteen places and are refused from then on.
                    var taken: UInt64 = 0
                    // On a busy machine it is a while before the reader comes to its turn.
                    while turn < turns || seen.value.load(ordering: .relaxed) < 100 && turn < 1 << 40 {
                        turn += 1
                        let count = turn * 4 + number
                        if ring.writer.updatePage(count: count, enabled: 5 * count, running: 7 * count) { taken = turn }
                    }
                    lastTurns[Int(number)].value.store(Int(taken), ordering: .releasing)
                    running.value.subtract(1, ordering: .releasing)
                })
        }
        while running.value.load(ordering: .acquiring) > 0 {
            guard let page = mapping.readPage(), let count = page.count else { continue }
            try #require(page.timeEnabled == 5 * count && page.timeRunning == 7 * count)
            seen.value.add(1, ordering: .relaxed)
        }
        for thread in threads { thread.join() }
        let last = try #require(try page(mapping).count)
        let ends = lastTurns.enumerated().map { UInt64($1.value.load(ordering: .acquiring)) * 4 + UInt64($0) }
        #expect(ends.contains(last), "the last of one of them: \(last) of \(ends)")
        #expect(seen.value.load(ordering: .relaxed) > 0)
    }

    @Test("An update on top of another leaves its values, and the holder writes them")
    func nestedUpdate() throws {
        let ring = TestRing(pages: 0)
        let mapping = try ring.software.map(pages: 0)
        let slot = ring.writer.slot
        // As a signal handler finds it that interrupts an update.
        ring.poke.setStateWord(SoftwareLayout.pageHolder, 99 << 8 | slot)
        #expect(ring.writer.updatePage(count: 1, enabled: 2, running: 3))
        #expect(mapping.readPage()?.count == 0)
        ring.software.recover()
        #expect(mapping.readPage()?.count == 0, "the holder lives")
        // There are sixteen places; whoever finds none is told so.
        for _ in 0..<15 { #expect(ring.writer.updatePage(count: 4, enabled: 5, running: 6)) }
        #expect(!ring.writer.updatePage(count: 7, enabled: 8, running: 9))
        ring.poke.setStateWord(SoftwareLayout.pageHolder, 0)
        #expect(!ring.writer.updatePage(count: 7, enabled: 8, running: 9))
        // The holder looks again after letting go; here nobody did, so the next who recovers must not be needed.
        ring.poke.setStateWord(SoftwareLayout.offers, 0)
        #expect(ring.writer.updatePage(count: 10, enabled: 11, running: 12))
        #expect(mapping.readPage()?.count == 10)
        #expect(ring.writer.updatePage(count: 13, enabled: 14, running: 15))
        #expect(mapping.readPage()?.count == 13)
    }

    @Test("A holder that died in the middle is released, and what it was writing is written whole")
    func deadHolder() throws {
        let ring = TestRing(pages: 0)
        let mapping = try ring.software.map(pages: 0)
        let poke = ring.poke
        // Slot 77 put down 1, 2, 3, took hold, made the sequence odd, wrote one value and died.
        let place = SoftwareLayout.offers + 3 * SoftwareLayout.offerSize
        poke.setStateWord(place + 8, 1)
        poke.setStateWord(place + 16, 2)
        poke.setStateWord(place + 24, 3)
        poke.setStateWord(place, 50 << 10 | 77 << 2 | 2)
        poke.setStateWord(SoftwareLayout.offers, 51 << 10 | 77 << 2 | 1)
        poke.setStateWord(SoftwareLayout.ticket, 52)
        poke.setStateWord(SoftwareLayout.pageHolder, 52 << 8 | 77)
        poke.setSequence(5)
        poke.setControlWord(ControlPage.offset, 1)
        #expect(mapping.readPage() == nil)
        ring.software.recover()
        let page = try page(mapping)
        #expect(page.count == 1 && page.timeEnabled == 2 && page.timeRunning == 3)
        #expect(poke.stateWord(SoftwareLayout.offers) == 0 && poke.stateWord(place) == 0)
        #expect(ring.writer.updatePage(count: 4, enabled: 5, running: 6))
        #expect(mapping.readPage()?.count == 4)
    }

    @Test("A page that claims a hardware counter is not believed where it is not the kernel's")
    func claimedCounter() throws {
        let ring = TestRing(pages: 0)
        let mapping = try ring.software.map(pages: 0)
        ring.poke.setControlWord(ControlPage.lock, 0xffff_ffff << 32)
        ring.poke.setControlWord(ControlPage.capabilities, .max)
        ring.poke.setControlWord(ControlPage.offset, 5)
        #expect(mapping.readPage(isOwnThread: true)?.count == 5)
        // Through the bare descriptor it cannot be told from a kernel's; only an own thread's counter is read.
        #expect(try RingMapping(fd: ring.fd, pages: 0).readPage()?.count == .some(nil))
    }

    @Test(
        "The kernel's page of an event on this thread",
        .enabled(if: Machine.mayFollowItself, Comment(rawValue: Machine.noPerf)))
    func kernelPage() throws {
        var attributes = perf_event_attr()
        attributes.type = PERF_TYPE_HARDWARE.rawValue
        attributes.config = UInt64(PERF_COUNT_HW_INSTRUCTIONS.rawValue)
        attributes.size = UInt32(MemoryLayout<perf_event_attr>.size)
        attributes.exclude_kernel = 1
        var fd = unsafe pt_perf_event_open(&attributes, 0, -1, -1, 0)
        if fd < 0 {
            // A machine without a hardware counter: the page is there all the same.
            attributes.type = PERF_TYPE_SOFTWARE.rawValue
            attributes.config = UInt64(PERF_COUNT_SW_TASK_CLOCK.rawValue)
            fd = unsafe pt_perf_event_open(&attributes, 0, -1, -1, 0)
        }
        let event = Descriptor(owning: fd)
        try #require(event.number >= 0)
        let mapping = try RingMapping(fd: event.number, pages: 0)
        let first = try page(mapping, isOwnThread: true)
        var sum: UInt64 = 0
        for index in 0..<100_000 as Range<UInt64> { sum &+= index }
        let second = try page(mapping, isOwnThread: true)
        #expect(second.timeEnabled >= first.timeEnabled && sum > 0)
        if let before = first.count, let after = second.count { #expect(after > before + 100_000) }
        #expect((first.count != nil) == (first.index != 0 && first.capabilities.contains(.readCounter)))
    }

    @Test("A counter of any width is extended by its sign")
    func widths() {
        #expect(RingMapping.signExtended(0xffff_ffff_ffff, bits: 48) == -1)
        #expect(RingMapping.signExtended(0x7fff_ffff_ffff, bits: 48) == 0x7fff_ffff_ffff)
        #expect(RingMapping.signExtended(.max, bits: 64) == -1)
        #expect(RingMapping.signExtended(1, bits: 0) == -1)
        #expect(RingMapping.signExtended(2, bits: .max) == 2)
    }
}
