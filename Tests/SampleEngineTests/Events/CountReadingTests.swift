import SampleEngine
import SampleEngineTestSupport
import Testing

@Suite("CountReading: what read(2) says of events and groups")
struct CountReadingTests {
    @Test("One event: value, times, id, and losses where the kernel counts them")
    func single() throws {
        let modern = try #require(CountReading([5, 100, 50, 77, 3], isGroup: false))
        #expect(modern.counts == CountReading([1, 100, 50, 5, 77, 3], isGroup: true)?.counts)
        #expect(modern.counts[0].value == 5 && modern.counts[0].id == 77 && modern.counts[0].lost == 3)
        #expect(modern.enabled == 100 && modern.running == 50)
        #expect(CountReading([5, 100, 50, 77], isGroup: false)?.counts[0].lost == nil)
    }

    @Test("A group: the leader first, with and without losses")
    func group() throws {
        let modern = try #require(CountReading([2, 9, 8, 5, 77, 0, 6, 78, 1], isGroup: true))
        #expect(modern.counts.map(\.value) == [5, 6])
        #expect(modern.counts.map(\.id) == [77, 78])
        #expect(modern.counts.map(\.lost) == [0, 1])
        #expect(CountReading([2, 9, 8, 5, 77, 6, 78], isGroup: true)?.counts.map(\.lost) == [nil, nil])
    }

    @Test(
        "What is no such answer is none, however it is cut",
        arguments: [
            [], [1], [5, 1, 2], [0, 1, 2], [2, 1, 2, 3], [.max, 1, 2, 3, 4, 5], [1, 1, 2, 3], [3, 1, 2, 3, 4, 5],
        ]
            as [[UInt64]])
    func nonsense(words: [UInt64]) {
        #expect(CountReading(words[...], isGroup: true) == nil)
        #expect(CountReading(words[...].prefix(3), isGroup: false) == nil)
    }

    @Test("Steps between two readings are scaled by the part of the time they were counted in; counts do not go back")
    func steps() throws {
        let first = try #require(CountReading([10, 100, 100, 1, 0], isGroup: false))
        let second = try #require(CountReading([30, 300, 200, 1, 0], isGroup: false))
        #expect(first.steps(since: nil, isScaled: true) == [10])
        #expect(second.steps(since: first, isScaled: true) == [40])
        #expect(second.steps(since: first, isScaled: false) == [20])
        #expect(first.steps(since: second, isScaled: true) == [0])
        #expect(CountReading.scaled(.max, enabled: .max, running: 1) == .max)
    }

    @Test(
        "The kernel refuses a buffer that is too small for the group, and takes a larger one",
        .enabled(if: Machine.mayFollowItself, Comment(rawValue: Machine.noPerf)))
    func room() throws {
        var sampling = Sampling(target: Target(.processes([Machine.ownPID])))
        sampling.events = try EventGroup.parse("{task-clock:u,page-faults:u,cpu-clock:u}")
        var opener = EventOpener(sampling)
        let counters = try opener.open()
        counters.enable()
        let leader = try #require(counters.cpus.first?.samples.first)
        #expect(leader.members == 3)
        #expect(throws: Errno(28)) { try leader.read(room: 1) }
        #expect(throws: Errno(28)) { try leader.read(room: 2) }
        let exact = try leader.read()
        let larger = try leader.read(room: 40)
        #expect(exact.counts.map(\.id) == larger.counts.map(\.id))
        #expect(larger.counts.count == 3)
        #expect(Set(larger.counts.map(\.id)).count == 3)
        #expect(larger.enabled >= exact.enabled)
        // Siblings count as long as they are open.
        withExtendedLifetime(counters) {}
    }
}
