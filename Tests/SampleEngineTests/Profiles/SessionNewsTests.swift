import Testing

@testable import SampleEngine

@Suite("What came up during a session")
struct SessionNewsTests {
    @Test("A crowd without names keeps nothing about numbers from being said, and is counted")
    func crowd() {
        var news = SessionNews()
        for pid in 1...100 {
            // Each is said again and again.
            for _ in 1...3 { news.addOfNames("pid \(pid) has no names") }
        }
        news.addOfNumbers("1000 Hz from now on")
        let sentences = news.sentences
        #expect(sentences.first == "1000 Hz from now on")
        #expect(sentences.count == 18)
        #expect(sentences.last == "and 84 more files or processes like these have no names")
    }

    @Test("Of changes of the rate the newest are listed, and what is not listed is counted")
    func changes() {
        var news = SessionNews()
        for rate in 1...40 { news.addOfNumbers("\(rate) Hz from now on") }
        let sentences = news.sentences
        #expect(sentences.contains("40 Hz from now on") && !sentences.contains("1 Hz from now on"))
        #expect(sentences.last == "8 earlier changes of what is sampled are not listed")
    }

    @Test("Memory is bounded, whatever is said")
    func bounded() {
        var news = SessionNews()
        for pid in 1...10_000 { news.addOfNames("pid \(pid) has no names") }
        #expect(news.sentences.count == 17)
        #expect(news.sentences.last == "and at least 4080 more files or processes like these have no names")
    }
}
