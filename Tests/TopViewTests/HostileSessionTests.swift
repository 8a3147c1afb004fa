import SampleEngine
import SampleEngineTestSupport
import Testing
import TopView

@Suite("Hostile session: whatever its writers and its clock say, there is a picture of it")
struct HostileSessionTests {
    @Test("Drawn after every step, in every view and reach", arguments: 0..<60 as Range<UInt64>)
    func drawn(seed: UInt64) throws {
        var random = SeededRandom(seed)
        let bytes = (0..<4000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        var session = try HostileSession(bytes, window: 10_000_000_000)
        var setup = TopModel.Setup(capabilities: Capabilities(unicode: true, colors: .many))
        setup.window = 10_000_000_000
        var model = TopModel(setup)
        let keys = Array("123456789sz[]R ebTFp\t".unicodeScalars)
        while let profile = session.next() {
            _ = model.receive(profile)
            for _ in 0..<3 { _ = model.press(.character(keys[random.below(keys.count)])) }
            let picture = model.draw(columns: 120, lines: 30)
            #expect(picture.lines.count == 30)
        }
    }
}
