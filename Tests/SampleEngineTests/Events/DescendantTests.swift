import SampleEngine
import Testing

@Suite("Descendants: the tree of living processes")
struct DescendantTests {
    @Test(
        "The parent stands behind the last parenthesis, whatever the name holds",
        arguments: [
            ("7 (sh) S 3 7 7", 3), ("7 (a) R 9 (b)) S 4 7", 4), ("7 (x) S", nil), ("", nil), ("7 sh S 3", nil),
            ("7 (x) S -5 1", -5), ("7 (x) S 99999999999 1", nil),
        ] as [(String, Int32?)])
    func parent(text: String, pid: Int32?) { #expect(Descendants.parent(in: Array(text.utf8)) == pid) }
}
