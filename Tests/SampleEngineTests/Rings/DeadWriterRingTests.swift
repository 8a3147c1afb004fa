import CLinuxShims
import Glibc
import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite("Software ring: a writer that dies holds nobody up, one that lives is never passed over")
struct DeadWriterRingTests {
    /// Another process's part in a ring: its own descriptors, mapping and lock.
    private static func attach(_ ring: TestRing) throws -> (
        ring: SoftwareRing, mapping: RingMappingBox, writer: RingWriter
    ) {
        let other = try SoftwareRing(
            memory: Descriptor(owning: dup(ring.fd)), wake: Descriptor(owning: dup(ring.software.wakeDescriptor)))
        let mapping = RingMappingBox(try other.map(pages: ring.pages))
        return (other, mapping, try other.writer())
    }

    /// Reserves as a writer that dies before it commits. Its lock goes with it, as the kernel would see to.
    private static func die(in ring: TestRing, afterReserving sizes: [UInt64]) throws -> UInt64 {
        let slot = try { () throws -> UInt64 in
            let (_, _, writer) = try attach(ring)
            for size in sizes { _ = try #require(writer.output.reserve(size, writer.slot)) }
            return writer.slot
        }()
        try #require(TestRing.waitUntilFree(SoftwareLayout.writerByte(slot), of: ring.software))
        return slot
    }

    private static let record = RingReaderTests.record(64, 1)

    @Test(
        "Its record is passed over and counted; what others wrote behind it is read",
        arguments: [(1024, RingMode.reliable)]
            + [8, 16, 24, 32, 56, 64].flatMap { [($0, .reliable), ($0, .overwrite)] } as [(UInt64, RingMode)])
    func recovery(size: UInt64, mode: RingMode) throws {
        let ring = TestRing(pages: 1, mode: mode)
        var reader = try ring.reader()
        #expect(ring.write(Self.record) == .written)
        _ = try Self.die(in: ring, afterReserving: [size])
        #expect(ring.write(Self.record) == .written)
        #expect(reader.readPass() == [Self.record], "the head waits")
        ring.software.recover()
        #expect(ring.software.skipped == 1)
        let read = reader.readPass()
        try #require(read.count == 2)
        let (filler, good) = (read[0], read[1])
        #expect(good == Self.record)
        #expect(filler.count == Int(size))
        let header = unsafe RecordHeader(word: RecordBytes.word(filler.span.bytes, at: 0)!)
        if size >= 24 {
            #expect(unsafe RecordDecoder.loss(header, filler.span.bytes) == .refused(1))
        } else {
            #expect(!RecordDecoder.isKnown(header), "the decoder counts it as undecodable")
        }
        #expect(reader.undecodable == 0)
        ring.software.recover()
        #expect(ring.software.skipped == 1)
    }

    @Test("A reservation with a LOST record in front may be longer than any record: two take its place")
    func longReservation() throws {
        let ring = TestRing(pages: 32)
        var reader = try ring.reader()
        _ = try Self.die(in: ring, afterReserving: [65_528 + 56])
        ring.software.recover()
        #expect(reader.readPass().map(\.count) == [56, 65_528])
        #expect(ring.software.skipped == 1)
    }

    @Test("A writer that finds the ring full for a dead one's sake frees it itself")
    func writerRecovers() throws {
        let ring = TestRing(pages: 1)
        var reader = try ring.reader()
        _ = try Self.die(in: ring, afterReserving: [2048, 1024, 24])
        var written = 0
        while ring.write(Self.record) == .written { written += 1 }
        #expect(written == (4096 - 3096) / 64)
        #expect(reader.readPass().count == 3 + written)
        #expect(ring.software.skipped == 3)
        #expect(ring.write(Self.record) == .written)
        #expect(reader.readPass().count == 2)
    }

    @Test("A writer that lives is waited for, by recovery and by other writers")
    func liveWriter() throws {
        let ring = TestRing(pages: 1)
        var reader = try ring.reader()
        let (_, mapping, slow) = try Self.attach(ring)
        let distance = try #require(slow.output.reserve(64, slow.slot))
        while ring.write(Self.record) == .written {}
        ring.software.recover()
        #expect(ring.software.skipped == 0)
        #expect(reader.readPass().isEmpty)
        ring.poke.write(Self.record, at: distance)
        #expect(slow.output.commit(distance, 64, slow.slot))
        #expect(reader.readPass().count == 64)
        withExtendedLifetime(mapping) {}
    }

    @Test("A writer that died between its commit and its publishing needs no lock asked: the next one publishes")
    func unpublished() throws {
        let ring = TestRing(pages: 1)
        var reader = try ring.reader()
        // As it stands then: the record is there, its mark committed, the head where it was.
        ring.poke.write(Self.record, at: 0)
        ring.poke.setMark(0, RingMark(lap: 1, bytes: 64, owner: 200).committed.raw)
        ring.software.recover()
        #expect(reader.readPass() == [Self.record])
        #expect(ring.software.skipped == 0)
        #expect(ring.write(Self.record) == .written, "the hint trailed, and was moved on")
        #expect(reader.readPass() == [Self.record])
    }

    @Test("A dead writer's slot is given to another only when nothing of the dead one's is left")
    func slotsAreNotReusedTooEarly() throws {
        let ring = TestRing(pages: 1)
        let dead = try Self.die(in: ring, afterReserving: [64])
        let next = try Self.attach(ring)
        #expect(next.writer.slot != dead)
        ring.software.recover()
        #expect(try Self.attach(ring).writer.slot == dead)
        #expect(next.writer.slot != 0)
    }

    @Test("There are 255 slots; the next writer is told so, and one that goes makes room")
    func slotsRunOut() throws {
        let ring = TestRing(pages: 1)
        do {
            var writers: [RingWriter] = []
            for _ in 0..<254 { writers.append(try ring.software.writer()) }
            #expect(Set(writers.map(\.slot)).count == 254)
            #expect(throws: EngineError.self) { _ = try ring.software.writer() }
        }
        #expect(try ring.software.writer().slot > 0)
    }

    private typealias Fork = @convention(c) () -> Int32

    /// fork(2), which Swift hides.
    private static func forkFunction() throws -> Fork {
        guard let symbol = unsafe dlsym(nil, "fork") else { throw Errno(ENOSYS) }
        return unsafe unsafeBitCast(symbol, to: Fork.self)
    }

    /// The child may call nothing but what a signal handler may, and never returns.
    private static func fork(_ child: () -> Int32) throws -> Int32 {
        let pid = try forkFunction()()
        if pid == 0 { _exit(child()) }
        try #require(pid > 0)
        return pid
    }

    /// For a forked process: stays until it is killed, and for a minute where the tests themselves were killed before.
    private static func stay() -> Never {
        alarm(60)
        while true { pause() }
    }

    /// A slot that no writer of these tests is given: slots are given from below.
    private static let processSlot: UInt64 = 200

    /// For a forked process: becomes a writer of its own with a record under way, by system calls alone.
    private static func reserveInChild(_ output: RingOutput, memory: Int32) -> Bool {
        let lock = pt_open_lock(memory)
        return lock >= 0 && pt_lock_byte(lock, SoftwareLayout.writerByte(processSlot)) == 0
            && output.reserve(64, processSlot) != nil
    }

    /// Waits for a forked process to say a number; nil where it has none to say.
    private static func hear(_ reading: borrowing Descriptor) -> Int32? {
        var number: Int32 = 0
        return unsafe read(reading.number, &number, 4) == 4 && number > 0 ? number : nil
    }

    @Test(
        "A process killed in the middle of a record: waited for while it lives, passed over once it is dead",
        .disabled(if: Machine.hasThreadSanitizer, "the thread sanitizer does not follow the fork of several threads"))
    func killedProcess() throws {
        let ring = TestRing(pages: 1)
        var reader = try ring.reader()
        var ends: [Int32] = [0, 0]
        try #require(unsafe pipe(&ends) == 0)
        let reading = Descriptor(owning: ends[0])
        let writing = Descriptor(owning: ends[1])
        let (output, memory, signal) = (ring.writer.output, ring.fd, writing.number)
        let pid = try Self.fork {
            var said: Int32 = Self.reserveInChild(output, memory: memory) ? 1 : 0
            _ = unsafe write(signal, &said, 4)
            Self.stay()
        }
        defer { kill(pid, SIGKILL) }
        try #require(Self.hear(reading) != nil)
        #expect(ring.write(Self.record) == .written)
        ring.software.recover()
        #expect(ring.software.skipped == 0 && reader.readPass().isEmpty, "it lives")
        #expect(kill(pid, SIGKILL) == 0)
        #expect(waitpid(pid, nil, 0) == pid)
        try #require(TestRing.waitUntilFree(SoftwareLayout.writerByte(Self.processSlot), of: ring.software))
        ring.software.recover()
        #expect(ring.software.skipped == 1)
        #expect(reader.readPass().map(\.count) == [64, 64])
    }

    @Test(
        "A process killed in the middle of a record is passed over although a child that it forked lives",
        .disabled(if: Machine.hasThreadSanitizer, "the thread sanitizer does not follow the fork of several threads"))
    func killedParent() throws {
        let ring = TestRing(pages: 1)
        var reader = try ring.reader()
        var ends: [Int32] = [0, 0]
        try #require(unsafe pipe(&ends) == 0)
        let reading = Descriptor(owning: ends[0])
        let writing = Descriptor(owning: ends[1])
        let (output, memory, signal) = (ring.writer.output, ring.fd, writing.number)
        let fork = try Self.forkFunction()
        let parent = try Self.fork {
            var said: Int32 = 0
            if Self.reserveInChild(output, memory: memory) {
                said = fork()
                if said == 0 { Self.stay() }
            }
            _ = unsafe write(signal, &said, 4)
            Self.stay()
        }
        let heard = Self.hear(reading)
        #expect(kill(parent, SIGKILL) == 0)
        #expect(waitpid(parent, nil, 0) == parent)
        let child = try #require(heard)
        defer { kill(child, SIGKILL) }
        try #require(TestRing.waitUntilFree(SoftwareLayout.writerByte(Self.processSlot), of: ring.software))
        #expect(ring.write(Self.record) == .written)
        ring.software.recover()
        #expect(ring.software.skipped == 1)
        #expect(reader.readPass().map(\.count) == [64, 64])
        #expect(kill(child, 0) == 0, "the child lives")
    }

    @Test(
        "A writer's lock is not its forked child's; there the descriptor's number stays taken, by another file",
        .disabled(if: Machine.hasThreadSanitizer, "the thread sanitizer does not follow the fork of several threads"))
    func lockIsNotInherited() throws {
        let ring = TestRing(pages: 1)
        var ends: [Int32] = [0, 0]
        try #require(unsafe pipe(&ends) == 0)
        let reading = Descriptor(owning: ends[0])
        let writing = Descriptor(owning: ends[1])
        let (pid, slot): (Int32, UInt64)
        do {
            let (_, mapping, writer) = try Self.attach(ring)
            slot = writer.slot
            let (lock, signal) = (writer.output.lock, writing.number)
            try #require(pt_file_size(lock) == Int64(SoftwareLayout.fileSize))
            pid = try Self.fork {
                let (isTaken, isAnother) = (fcntl(lock, F_GETFD) == FD_CLOEXEC, pt_file_size(lock) == 0)
                // Whatever the parent's object does here later, its number is not given to another file meanwhile.
                pt_close_lock(lock)
                let isFree = fcntl(lock, F_GETFD) == -1
                var said: Int32 = isTaken && isAnother && isFree ? 1 : 0
                _ = unsafe write(signal, &said, 4)
                Self.stay()
            }
            withExtendedLifetime((mapping, writer)) {}
        }
        defer {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
        }
        #expect(Self.hear(reading) != nil)
        #expect(TestRing.waitUntilFree(SoftwareLayout.writerByte(slot), of: ring.software), "though the child lives")
    }

    @Test(
        "A forked child is told that the writer is its parent's",
        .disabled(if: Machine.hasThreadSanitizer, "the thread sanitizer does not follow the fork of several threads"))
    func forkedChild() throws {
        let ring = TestRing(pages: 1)
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
        defer { unsafe bytes.deallocate() }
        unsafe bytes.copyBytes(from: Self.record)
        let output = ring.writer.output
        let pid = try Self.fork { unsafe output.write(UnsafeRawBufferPointer(bytes)) == .detached ? 0 : 1 }
        var status: Int32 = -1
        #expect(unsafe waitpid(pid, &status, 0) == pid)
        #expect(status == 0)
        #expect(ring.write(Self.record) == .written, "the parent's is as it was")
    }

    @Test("Two who come to the same dead record: one takes it")
    func twoTakers() throws {
        for seed in 0..<20 {
            let ring = TestRing(pages: 1)
            var reader = try ring.reader()
            _ = try Self.die(in: ring, afterReserving: [64, 32 + UInt64(8 * seed)])
            let others = try (0..<2).map { _ in try Self.attach(ring) }
            let threads = try others.map { other in
                let software = other.ring
                return ThreadBox(try EngineThread(name: "taker", stackSize: 1 << 20) { software.recover() })
            }
            for thread in threads { thread.join() }
            ring.software.recover()
            #expect(ring.software.skipped == 2)
            #expect(reader.readPass().map(\.count) == [64, 32 + 8 * seed])
        }
    }
}

/// A mapping that a tuple can hold.
final class RingMappingBox: Sendable {
    let mapping: RingMapping
    init(_ mapping: consuming RingMapping) { self.mapping = mapping }
}
