import SampleEngineTestSupport
import Testing

@testable import SampleEngine

@Suite("ErrandRunners: what one user has us do holds up nobody else")
struct ErrandRunnerTests {
    private static let hostile = Payer.user(4000)

    /// Errands that note their names, and that stand still until they are let go.
    private final class Scene: Sendable {
        let runners: ErrandRunners
        private let order = Guarded<[String]>([])
        private let isOpen = Guarded(false)

        init() throws { runners = ErrandRunners(bell: try Bell()) }

        /// A copy of its own: that nobody shares an array any more is hidden from the thread sanitizer.
        var begun: [String] { order.withLock { $0.map { $0 } } }

        func errand(
            _ name: String, _ lane: Errand.Lane = .reading, for payer: Payer, standsStill: Bool = false
        ) -> Errand {
            Errand(lane, of: nil, for: payer) { [order, isOpen] _ in
                order.withLock { $0.append(name) }
                if standsStill { _ = waitUntil(within: 60) { isOpen.withLock { $0 } } }
                return .kernelList(nil)
            } instead: {
                .kernelList(nil)
            }
        }

        /// Whether an errand has begun, with all the threads that it takes.
        func hasBegun(_ name: String) -> Bool {
            waitUntil(within: 20) {
                runners.relieve()
                return begun.contains(name)
            }
        }

        func end() {
            isOpen.withLock { $0 = true }
            runners.stop()
        }
    }

    @Test("Twenty errands of one user that stand still leave the lane to others", arguments: Errand.Lane.allCases)
    func oneUser(lane: Errand.Lane) throws {
        let scene = try Scene()
        defer { scene.end() }
        scene.runners.submit((1...20).map { _ in scene.errand("slow", lane, for: Self.hostile, standsStill: true) })
        for (name, payer) in [("kernel", .nobody), ("root", .ours), ("gone", .unknown)] as [(String, Payer)] {
            scene.runners.submit([
                scene.errand(name, lane, for: payer), scene.errand(name + "'s second", lane, for: payer),
            ])
            #expect(scene.hasBegun(name + "'s second"))
        }
        #expect(scene.begun.count { $0 == "slow" } <= 2)
    }

    @Test("Many users who stand still together leave root and the kernel their part")
    func manyUsers() throws {
        let scene = try Scene()
        defer { scene.end() }
        scene.runners.submit(
            (0..<64 as Range<UInt32>).map { scene.errand("slow", for: .user(100_000 + $0), standsStill: true) })
        #expect(scene.hasBegun("slow"))
        scene.runners.submit([scene.errand("root", for: .ours), scene.errand("kernel", for: .nobody)])
        #expect(scene.hasBegun("root") && scene.hasBegun("kernel"))
        #expect(scene.begun.count { $0 == "slow" } <= 8)
    }

    @Test("Users take turns, each in his own order")
    func turns() throws {
        let scene = try Scene()
        defer { scene.end() }
        let many = (1...50).map { scene.errand("many \($0)", for: Self.hostile) }
        let few = (1...2).map { scene.errand("few \($0)", for: .user(4001)) }
        scene.runners.submit(many + few)
        #expect(waitUntil(within: 20) { scene.begun.count == 52 })
        #expect(scene.begun.prefix(5) == ["many 1", "few 1", "many 2", "few 2", "many 3"])
        #expect(scene.begun.dropFirst(4).elementsEqual((3...50).map { "many \($0)" }))
    }

    @Test("What was withdrawn does not begin")
    func withdrawn() throws {
        let scene = try Scene()
        defer { scene.end() }
        let errands = ["first", "second", "third"].map { scene.errand($0, for: .ours) }
        #expect(errands[1].progress.withdraw())
        #expect(!errands[1].progress.withdraw())
        scene.runners.submit(errands)
        #expect(scene.hasBegun("third"))
        #expect(scene.begun == ["first", "third"])
    }
}
