import SampleEngine
import Testing

@Suite("SampleOwners: a thread with two counters is counted by one")
struct SampleOwnersTests {
    @Test("The first counter that samples a thread counts it; what is not opened for a thread always counts")
    func first() {
        var owners = SampleOwners()
        #expect(owners.accepts(7, from: 100))
        #expect(!owners.accepts(7, from: 200))
        #expect(owners.accepts(7, from: 100))
        #expect(owners.accepts(7, from: nil))
        #expect(owners.accepts(8, from: 200))
    }

    @Test("A thread that begins with a used number may be another counter's")
    func reused() {
        var owners = SampleOwners()
        #expect(owners.accepts(7, from: 100))
        owners.forget(7)
        owners.forget(9)
        #expect(owners.accepts(7, from: 200))
        #expect(!owners.accepts(7, from: 100))
    }

    @Test("However many threads there are, memory is bounded and each is counted")
    func bounded() {
        var owners = SampleOwners()
        for thread in 1...200_000 as ClosedRange<Int32> {
            #expect(owners.accepts(thread, from: 1))
        }
        #expect(!owners.accepts(200_000, from: 2))
    }
}
