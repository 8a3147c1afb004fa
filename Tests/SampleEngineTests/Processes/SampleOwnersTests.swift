import SampleEngine
import Testing

@Suite("SampleOwners: a thread with two counters is counted by one")
struct SampleOwnersTests {
    /// Whether a sample counts; an owned value that changes cannot stand inside an expectation.
    private func count(_ thread: Int32, _ owner: Int32?, _ owners: inout SampleOwners) -> Bool {
        owners.accepts(thread, from: owner)
    }

    @Test("The first counter that samples a thread counts it; what is not opened for a thread always counts")
    func first() {
        var owners = SampleOwners()
        #expect(count(7, 100, &owners))
        #expect(!count(7, 200, &owners))
        #expect(count(7, 100, &owners))
        #expect(count(7, nil, &owners))
        #expect(count(8, 200, &owners))
    }

    @Test("A thread that begins with a used number may be another counter's")
    func reused() {
        var owners = SampleOwners()
        #expect(count(7, 100, &owners))
        owners.forget(7)
        owners.forget(9)
        #expect(count(7, 200, &owners))
        #expect(!count(7, 100, &owners))
    }

    @Test("However many threads there are, memory is bounded and each is counted")
    func bounded() {
        var owners = SampleOwners()
        var all = true
        for thread in 1...200_000 as ClosedRange<Int32> { all = owners.accepts(thread, from: 1) && all }
        #expect(all)
        #expect(!count(200_000, 2, &owners))
    }
}
