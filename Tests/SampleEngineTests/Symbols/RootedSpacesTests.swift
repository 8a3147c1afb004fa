import CLinuxShims
import Foundation
import SampleEngineTestSupport
import Testing

@testable import SampleEngine

@Suite("Images in roots other than ours")
struct RootedSpacesTests {
    /// Our own root, or that of a process of another user.
    private func root(of user: UInt32?) throws -> ProcessRoot {
        guard let user else { return try #require(ProcessRoot.own) }
        return ProcessRoot(try #require(RootPlace(at: "/tmp")), of: .user(user))
    }

    private let image = SpaceID(SpaceID.firstImage)

    @Test("One image is one space in each root, and none of ours")
    func spaces() throws {
        let roots = try [root(of: nil), root(of: 4000)]
        var rooted = RootedSpaces()
        let first = rooted.space(of: image, in: roots[0], seenBy: 7)
        let second = rooted.space(of: image, in: roots[1], seenBy: 8)
        #expect(Set([image, first, second]).count == 3 && first.isImage && second.isImage && first.owner == nil)
        #expect(rooted.space(of: image, in: roots[1], seenBy: 9) == second)
        #expect(rooted.origin(of: second)?.image == image && rooted.origin(of: second)?.pid == 9)
        #expect(rooted.origin(of: image) == nil)
        #expect(rooted.spaces(of: image).map(\.space) == [first, second])
    }

    @Test("One place is another root for each user: the number of a mount may be used again")
    func users() throws {
        #expect(try root(of: 4000) == root(of: 4000))
        #expect(try root(of: 4000) != root(of: 4001))
    }

    @Test("Their number has a bound, and none is used again")
    func bounded() throws {
        let root = try root(of: nil)
        var rooted = RootedSpaces()
        var seen: Set<SpaceID> = []
        for number in 0..<20_000 as Range<UInt32> {
            seen.insert(rooted.space(of: SpaceID(SpaceID.firstImage + number), in: root, seenBy: 1))
        }
        #expect(seen.count == 20_000 && rooted.byteCount < 2_000_000)
    }

    @Test("The root of a process is told apart from ours by its directory")
    func processes() throws {
        let reader = ProcReader()
        #expect(reader.processRoot(of: getpid()) == .own)
        #expect(reader.processRoot(of: 1 << 22 + 1) == nil)
        let other = try root(of: 4000)
        #expect(ProcessRoot.own.map { $0 != other } == true)
        // A file that could not be read in one root says nothing of it in another.
        let number = ImageStore.FileNumber(device: 1, inode: 2)
        #expect(ImageStore.FileNumber(device: 1, inode: 2, root: other) != number)
    }
}
