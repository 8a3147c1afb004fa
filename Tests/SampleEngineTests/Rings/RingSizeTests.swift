import CLinuxShims
import Glibc
import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite("A ring's size: the same rule for the kernel's rings and for ours")
struct RingSizeTests {
    static let page = sysconf(Int32(_SC_PAGESIZE))

    /// Maps a length at an offset and says why that was refused; nil where it was not.
    typealias Map = (_ length: Int, _ offset: Int64) -> RingSizeError?

    private func refusal(_ map: () throws(RingSizeError) -> Void) -> RingSizeError? {
        do throws(RingSizeError) {
            try map()
            return nil
        } catch {
            return error
        }
    }

    /// What must hold whoever owns the ring, while nobody has it mapped.
    private func expectRule(_ map: Map) {
        let page = Self.page
        for data in [0, 1, 2, 4, 8] { #expect(map((1 + data) * page, 0) == nil, "1 + \(data) pages") }
        #expect(map(4 * page, 0) == .notPowerOfTwo(length: 4 * page, nearest: 5 * page))
        #expect(map(6 * page, 0) == .notPowerOfTwo(length: 6 * page, nearest: 5 * page))
        #expect(map(8 * page, 0) == .notPowerOfTwo(length: 8 * page, nearest: 9 * page))
        #expect(map(2 * page + 1, 0) == .notPages(length: 2 * page + 1, nearest: 2 * page))
        #expect(map(3 * page - 1, 0) == .notPages(length: 3 * page - 1, nearest: 3 * page))
        #expect(map(1, 0) == .notPages(length: 1, nearest: page))
        #expect(map(0, 0) == .notPages(length: 0, nearest: page))
        #expect(map(-page, 0) == .notPages(length: -page, nearest: page))
        #expect(map(.min, 0) == .notPages(length: .min, nearest: page))
        #expect(map(.max, 0) == .notPages(length: .max, nearest: (1 + 1 << 20) * page))
        #expect(map(2 * page, Int64(page)) == .offset(Int64(page)))
        #expect(map(2 * page, -1) == .offset(-1))
    }

    @Test("A software ring")
    func softwareRing() throws {
        let ring = try SoftwareRing()
        expectRule { length, offset in
            _ = TestRing.waitUntilFree(SoftwareLayout.mappedByte, of: ring)
            return refusal { () throws(RingSizeError) in _ = try ring.map(length: length, offset: offset) }
        }
        // By number of pages it is the same rule, and no number traps.
        for pages in [3, -1, .min, .max, 1 << 21] {
            #expect(refusal { () throws(RingSizeError) in _ = try ring.map(pages: pages) } != nil)
        }
        #expect(refusal { () throws(RingSizeError) in _ = try ring.map(pages: 0) } == nil)
    }

    @Test("A kernel's ring", .enabled(if: Machine.mayFollowItself, Comment(rawValue: Machine.noPerf)))
    func kernelRing() throws {
        var opener = EventOpener(Sampling(target: Target(.threads([getpid()]))))
        let counters = try opener.open()
        let counter = try #require(counters.cpus.first?.samples.first)
        expectRule { length, offset in
            refusal { () throws(RingSizeError) in _ = try RingMapping(fd: counter.fd, length: length, offset: offset)
            }
        }
    }

    @Test(
        "While a kernel's ring is mapped, the kernel refuses another size; afterwards it takes it",
        .enabled(if: Machine.mayFollowItself, Comment(rawValue: Machine.noPerf)))
    func secondKernelMapping() throws {
        var opener = EventOpener(Sampling(target: Target(.threads([getpid()]))))
        let counters = try opener.open()
        let counter = try #require(counters.cpus.first?.samples.first)
        let map = { (pages: Int) throws(RingSizeError) -> RingMapping in
            try RingMapping(fd: counter.fd, length: (1 + pages) * Self.page)
        }
        do {
            let first = try map(2)
            #expect(refusal { () throws(RingSizeError) in _ = try map(4) } == .refused(Errno(EINVAL)))
            #expect(refusal { () throws(RingSizeError) in _ = try map(2) } == nil)
            #expect(first.pages == 2)
        }
        #expect(try map(4).pages == 4)
    }

    @Test("While a software ring is mapped anywhere, another size is refused; afterwards it starts anew")
    func secondSoftwareMapping() throws {
        let ring = try SoftwareRing()
        // As another process would: through the two descriptors alone.
        let other = try SoftwareRing(
            memory: Descriptor(owning: dup(ring.memoryDescriptor)), wake: Descriptor(owning: dup(ring.wakeDescriptor)))
        let asked = (1 + 4) * Self.page
        do {
            let first = try ring.map(pages: 2)
            let refused = RingSizeError.mappedOtherwise(length: asked, nearest: (1 + 2) * Self.page)
            #expect(refusal { () throws(RingSizeError) in _ = try ring.map(pages: 4) } == refused)
            #expect(refusal { () throws(RingSizeError) in _ = try other.map(pages: 4) } == refused)
            #expect(try other.map(pages: 2).size == first.size)
        }
        try #require(TestRing.waitUntilFree(SoftwareLayout.mappedByte, of: ring))
        let writer: RingWriter
        do {
            var reader = RingReader(try other.map(pages: 4))
            writer = try ring.writer()
            #expect(unsafe writer.write(RingReaderTests.record(32, 1).span.bytes) == .written)
            #expect(reader.readPass().count == 1)
        }
        // A writer has it mapped, too.
        #expect(refusal { () throws(RingSizeError) in _ = try other.map(pages: 2) } != nil)
        withExtendedLifetime(writer) {}
    }

    @Test("A ring that is mapped again with its size goes on; with another it is empty")
    func remapping() throws {
        let ring = try SoftwareRing()
        let record = RingReaderTests.record(64, 1)
        do {
            let mapping = try ring.map(pages: 1)
            #expect(unsafe try ring.writer().write(record.span.bytes) == .written)
            #expect(mapping.loadHead() == 64)
        }
        do {
            var reader = RingReader(try ring.map(pages: 1))
            #expect(reader.readPass() == [record])
        }
        try #require(TestRing.waitUntilFree(SoftwareLayout.mappedByte, of: ring))
        do {
            let mapping = try ring.map(pages: 8)
            #expect(mapping.loadHead() == 0 && mapping.loadTail() == 0)
            #expect(mapping.withData { data in data.array.allSatisfy { $0 == 0 } })
            #expect(unsafe try ring.writer().write(record.span.bytes) == .written)
        }
    }

    @Test("A ring that nobody mapped has no size, and no writer")
    func writerBeforeMapping() throws {
        let ring = try SoftwareRing()
        #expect(ring.pages == nil)
        #expect(throws: EngineError.self) { _ = try ring.writer() }
    }

    @Test(
        "The page says what the kernel's page says",
        .enabled(if: Machine.mayFollowItself, Comment(rawValue: Machine.noPerf)))
    func samePage() throws {
        var opener = EventOpener(Sampling(target: Target(.threads([getpid()]))))
        let counters = try opener.open()
        let counter = try #require(counters.cpus.first?.samples.first)
        let ring = TestRing(pages: 2)
        let page = unsafe mmap(nil, 3 * Self.page, PROT_READ | PROT_WRITE, MAP_SHARED, counter.fd, 0)
        guard let page = unsafe page, unsafe page != MAP_FAILED else { throw Errno(errno) }
        for place in [0, ControlPage.size, ControlPage.dataOffset, ControlPage.dataSize] {
            let word = unsafe page.load(fromByteOffset: place, as: UInt64.self)
            #expect(ring.poke.controlWord(place) == word, "byte \(place)")
        }
        unsafe munmap(page, 3 * Self.page)
    }
}
