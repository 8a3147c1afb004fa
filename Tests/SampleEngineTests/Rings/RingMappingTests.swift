import CLinuxShims
import Glibc
import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite("RingMapping: one rule for a ring's size")
struct RingMappingTests {
    private func refusal(_ pages: Int, on fd: Int32) -> RingSizeError? {
        do throws(RingSizeError) {
            _ = try RingMapping(fd: fd, pages: pages)
            return nil
        } catch {
            return error
        }
    }

    @Test("Powers of two are legal, and so is a control page alone", arguments: [0, 1, 2, 4, 64])
    func legalSizes(pages: Int) throws {
        let ring = TestRing(pages: pages)
        let mapping = try RingMapping(fd: ring.fd, pages: pages)
        #expect(mapping.pages == pages)
        #expect(mapping.size == UInt64(pages) * UInt64(sysconf(Int32(_SC_PAGESIZE))))
        #expect(mapping.withData { $0.byteCount } == Int(mapping.size))
    }

    @Test(
        "Anything else is refused, and the nearest legal size is named",
        arguments: [
            (3, 4), (5, 4), (6, 8), (7, 8), (9, 8), (12, 16), (700, 512), (1000, 1024), (-1, 0), (.min, 0),
            (.max, 1 << 20), ((1 << 20) + 1, 1 << 20), (1 << 21, 1 << 20),
        ])
    func illegalSizes(pages: Int, nearest: Int) {
        let ring = TestRing(pages: 1)
        let page = sysconf(Int32(_SC_PAGESIZE))
        switch refusal(pages, on: ring.fd) {
        case .notPowerOfTwo(_, let length): #expect(length == (1 + nearest) * page)
        case .notPages(_, let length): #expect(length == page && pages < 0)
        case let other: Issue.record("refused by \(String(describing: other))")
        }
    }

    @Test("What the kernel refuses comes back with its errno")
    func kernelRefusal() {
        #expect(refusal(1, on: -1) == .refused(Errno(EBADF)))
    }

    @Test("Head and tail are the words of the control page that perf_event_open(2) names")
    func controlWords() throws {
        let ring = TestRing(pages: 1)
        let mapping = try RingMapping(fd: ring.fd, pages: 1)
        ring.poke.head = 0x1122_3344_5566_7788
        #expect(mapping.loadHead() == 0x1122_3344_5566_7788)
        mapping.storeTail(0x8877_6655_4433_2211)
        #expect(ring.poke.tail == 0x8877_6655_4433_2211)
        #expect(mapping.loadTail() == 0x8877_6655_4433_2211)
    }

    @Test(
        "A real kernel ring maps, and its own size rule agrees",
        .enabled(if: Machine.mayFollowItself, Comment(rawValue: Machine.noPerf)))
    func kernelRing() throws {
        var opener = EventOpener(Sampling(target: Target(.threads([getpid()]))))
        let counters = try opener.open()
        let counter = try #require(counters.cpus.first?.samples.first)
        let page = sysconf(Int32(_SC_PAGESIZE))
        #expect(refusal(3, on: counter.fd) == .notPowerOfTwo(length: 4 * page, nearest: 5 * page))
        let mapping = try RingMapping(fd: counter.fd, pages: 2)
        #expect(mapping.loadHead() == 0)
        // A second mapping of another size is the kernel's to refuse.
        #expect(refusal(4, on: counter.fd) == .refused(Errno(EINVAL)))
    }
}
