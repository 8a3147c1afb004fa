/// Images as processes in roots other than ours have them: spaces of their own, so that what is found in a root names nothing
/// that was sampled elsewhere.
///
/// The kernel tells of a mapped file by its path and its build-id. In a mount namespace of his own anybody can have any file
/// under any path, and make one with any build-id: such a file, or a debug file that lies there, tells of its own root alone.
struct RootedSpaces {
    private var spaces: [Key: SpaceID] = [:]
    private var origins: [SpaceID: Origin] = [:]
    private var ofImage: [SpaceID: [SpaceID]] = [:]
    private var nextNumber = SpaceID.firstRootedImage

    private struct Key: Hashable {
        let image: SpaceID
        let root: ProcessRoot
    }

    struct Origin {
        let image: SpaceID
        let root: ProcessRoot
        /// Who was sampled there last.
        var pid: Int32
    }

    /// Most of them; then it begins anew: numbers are never used again, and what is sampled gets another one.
    private static let limit = 8192

    var byteCount: Int { 240 * origins.count }

    /// The image as it is in a root, where a process was sampled.
    mutating func space(of image: SpaceID, in root: ProcessRoot, seenBy pid: Int32) -> SpaceID {
        let key = Key(image: image, root: root)
        if let known = spaces[key] {
            origins[known]?.pid = pid
            return known
        }
        guard nextNumber < SpaceID.rootedImageLimit else { return .other }
        if spaces.count >= Self.limit { (spaces, origins, ofImage) = ([:], [:], [:]) }
        let space = SpaceID(nextNumber)
        nextNumber += 1
        spaces[key] = space
        origins[space] = Origin(image: image, root: root, pid: pid)
        ofImage[image, default: []].append(space)
        return space
    }

    func origin(of space: SpaceID) -> Origin? { origins[space] }

    /// All that an image is in other roots.
    func spaces(of image: SpaceID) -> [(space: SpaceID, root: ProcessRoot)] {
        (ofImage[image] ?? []).compactMap { space in origins[space].map { (space, $0.root) } }
    }
}
