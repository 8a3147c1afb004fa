internal import Glibc

/// Who gives way when a ring is full.
package enum RingMode: UInt64, Sendable {
    /// The writer: what was not read is kept, what does not fit is refused and counted.
    case reliable = 0
    /// The reader: the newest data wins, and the head moves *down* (`write_backward`), so that reading on from the
    /// head meets whole records, the newest first.
    case overwrite = 1
}

/// How a mapping's length and offset were refused: what was asked and the nearest that is legal, in bytes.
package enum RingSizeError: Error, Equatable, Sendable {
    /// The kernel would round this up without a word.
    case notPages(length: Int, nearest: Int)
    /// A control page and then a power of two of data pages, or none.
    case notPowerOfTwo(length: Int, nearest: Int)
    /// A ring is mapped from its control page on; the only legal offset is 0.
    case offset(Int64)
    /// Others have it mapped with the length that is told; once all are gone another may be chosen.
    case mappedOtherwise(length: Int, nearest: Int)
    /// The kernel or the memory limit refused the mapping.
    case refused(Errno)

    /// Why, as it stands inside a sentence.
    package var text: String {
        switch self {
        case .notPages(let length, let nearest): "\(length) bytes are no whole pages; the nearest size is \(nearest)"
        case .notPowerOfTwo(let length, let nearest):
            "\(length) bytes are not a page and a power of two of pages; the nearest size is \(nearest)"
        case .offset(let offset): "a ring is mapped from its beginning, not from byte \(offset)"
        case .mappedOtherwise(_, let nearest): "others have it mapped with \(nearest) bytes"
        case .refused(let errno): errno.text
        }
    }
}

/// The one rule for a ring's size, kernel's or ours: 1 + N pages from offset 0, N a power of two or 0.
enum RingSize {
    /// Most data pages; far above what any memory limit allows.
    static let mostPages = 1 << 20

    static var pageSize: Int { sysconf(Int32(_SC_PAGESIZE)) }

    /// Data pages of a mapping of this length.
    static func pages(length: Int, offset: Int64) throws(RingSizeError) -> Int {
        let pageSize = Self.pageSize
        guard offset == 0 else { throw .offset(offset) }
        // Subtracted first: no length may overflow. A length below a page asks for less than no data.
        let data = length < pageSize ? -1 : length - pageSize
        let pages = data < 0 ? -1 : data / pageSize
        guard data >= 0, data % pageSize == 0 else {
            // Of the two numbers of pages around it the closer one, then the legal one that is closest to that.
            let closest = data < 0 ? 0 : pages + (data % pageSize >= pageSize / 2 ? 1 : 0)
            throw .notPages(length: length, nearest: (1 + nearestLegal(closest)) * pageSize)
        }
        guard isLegal(pages) else {
            throw .notPowerOfTwo(length: length, nearest: (1 + nearestLegal(pages)) * pageSize)
        }
        return pages
    }

    /// The length of a mapping with this many data pages; an illegal number is named by the length it would have, one that
    /// has none by the longest there is.
    static func length(pages: Int) -> Int {
        if pages < 0 { return 0 }
        let (sum, overflow) = pages.addingReportingOverflow(1)
        let (length, tooLong) = sum.multipliedReportingOverflow(by: pageSize)
        return overflow || tooLong ? .max - .max % pageSize : length
    }

    /// Data pages that a length stands for, for messages.
    static func pages(_ length: Int) -> Int { length / pageSize - 1 }

    private static func isLegal(_ pages: Int) -> Bool {
        pages >= 0 && pages <= mostPages && pages & (pages - 1) == 0
    }

    /// The legal number that is closest; of two that are equally close the larger.
    private static func nearestLegal(_ pages: Int) -> Int {
        if pages <= 0 { return 0 }
        let above = min(pages, mostPages).nextPowerOfTwo
        return pages - above / 2 < above - pages ? above / 2 : above
    }
}
