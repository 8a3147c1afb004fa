/// An array that only grows at its end and is cheap to share.
///
/// Elements live in pages. A copy shares every page; the next append or change copies one page, not the whole,
/// so that a snapshot handed to another thread costs little however large the table has become.
public struct PagedArray<Element: Sendable>: Sendable {
    private static var pageSize: Int { 1 << 10 }
    private var pages: [[Element]] = []
    public private(set) var count = 0

    public init() {}

    public mutating func append(_ element: Element) {
        if count & (Self.pageSize - 1) == 0 {
            pages.append([])
            pages[pages.count - 1].reserveCapacity(Self.pageSize)
        }
        pages[pages.count - 1].append(element)
        count += 1
    }

    public subscript(index: Int) -> Element {
        get { pages[index >> 10][index & (Self.pageSize - 1)] }
        set { pages[index >> 10][index & (Self.pageSize - 1)] = newValue }
    }

    public var indices: Range<Int> { 0..<count }
}
