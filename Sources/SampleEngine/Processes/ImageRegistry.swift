/// A mapped file as the kernel told of it, with a place where it can be opened while that process lives.
package struct ImageSighting: Sendable {
    package let space: SpaceID
    package let path: [UInt8]
    package let identity: FileIdentity
    /// A process that maps it, and the range: names `/proc/PID/map_files/START-END`.
    package var pid: Int32
    package var start: UInt64
    package var end: UInt64

    package init(space: SpaceID, path: [UInt8], identity: FileIdentity, pid: Int32, start: UInt64, end: UInt64) {
        self.space = space
        self.path = path
        self.identity = identity
        self.pid = pid
        self.start = start
        self.end = end
    }
}

/// Gives each mapped file a number: the same path with the same identity is the same image.
///
/// A storm of short processes maps the same few files again and again; they all find the number that is there. Where
/// there were too many different ones it begins anew: numbers are never used again, so what is mapped keeps its own, and
/// a file that is mapped once more gets another.
package struct ImageRegistry: ~Copyable {
    private var images: [(sighting: ImageSighting, isFresh: Bool)] = []
    private var index = HashIndex()
    private var fresh: [Int] = []
    private var pathBytes = 0
    private var nextNumber = SpaceID.firstImage
    private let limits: (images: Int, pathBytes: Int)

    /// - Parameters:
    ///   - images: most of them known at a time.
    ///   - pathBytes: most bytes of all their paths.
    package init(images: Int = 16_384, pathBytes: Int = 2 << 20) { limits = (images, pathBytes) }

    /// The image's number; nil once there were too many.
    package mutating func intern(_ record: MappingRecord, path: Range<Int>, in bytes: RawSpan) -> SpaceID? {
        let hash = Self.hash(record.identity, path, bytes)
        let end = record.start &+ record.length
        if let known = index.find(hash, where: { images[$0].sighting.matches(record.identity, path, bytes) }) {
            images[known].sighting.pid = record.pid
            images[known].sighting.start = record.start
            images[known].sighting.end = end
            if !images[known].isFresh { fresh.append(known) }
            images[known].isFresh = true
            return images[known].sighting.space
        }
        guard nextNumber < SpaceID.imageLimit else { return nil }
        if images.count >= limits.images || pathBytes + path.count > limits.pathBytes { beginAnew() }
        pathBytes += path.count
        let sighting = ImageSighting(
            space: SpaceID(nextNumber), path: path.map { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) },
            identity: record.identity, pid: record.pid, start: record.start, end: end)
        nextNumber += 1
        index.insert(hash, entry: images.count) { Self.hash(images[$0].sighting) }
        fresh.append(images.count)
        images.append((sighting, true))
        return sighting.space
    }

    /// Forgets all but those that nobody has been told of yet.
    private mutating func beginAnew() {
        // Half of each limit at the most, the newest of them: the next time is a while off then.
        var room = limits.pathBytes / 2
        let untold = fresh.suffix(limits.images / 2).reversed().prefix { number in
            room -= images[number].sighting.path.count
            return room >= 0
        }
        images = untold.reversed().map { images[$0] }
        fresh = Array(images.indices)
        pathBytes = images.reduce(0) { $0 + $1.sighting.path.count }
        index.removeAll()
        for number in images.indices {
            index.insert(Self.hash(images[number].sighting), entry: number) { Self.hash(images[$0].sighting) }
        }
    }

    /// The images mapped since the last call, each once, with the newest place to open it.
    package mutating func takeFresh(into sightings: inout [ImageSighting]) {
        for number in fresh {
            images[number].isFresh = false
            sightings.append(images[number].sighting)
        }
        fresh.removeAll(keepingCapacity: true)
    }

    private static func hash(_ identity: FileIdentity, _ path: Range<Int>, _ bytes: RawSpan) -> UInt64 {
        var hash = seed(identity)
        for offset in path {
            hash = mixed(hash, UInt64(unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)))
        }
        return hash
    }

    private static func hash(_ sighting: ImageSighting) -> UInt64 {
        sighting.path.reduce(seed(sighting.identity)) { mixed($0, UInt64($1)) }
    }

    private static func seed(_ identity: FileIdentity) -> UInt64 {
        switch identity {
        case .inode(let device, let inode, let generation): mixed(mixed(device, inode), generation)
        case .buildID(let first, let second, let third, _): mixed(mixed(first, second), third)
        }
    }
}

extension ImageSighting {
    fileprivate func matches(_ other: FileIdentity, _ range: Range<Int>, _ bytes: RawSpan) -> Bool {
        guard identity == other, path.count == range.count else { return false }
        for (index, offset) in range.enumerated() {
            let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            if byte != path[index] { return false }
        }
        return true
    }
}
