import Foundation
import SampleEngine
import SampleEngineTestSupport
import Testing

/// Opens a file the way the resolver is given one.
func descriptor(_ path: String) throws -> Descriptor {
    let number = unsafe open(path, O_RDONLY | O_CLOEXEC)
    try #require(number >= 0, "\(path)")
    return Descriptor(owning: number)
}

func symbols(of path: String) throws -> ImageSymbols { try ImageSymbols(reading: descriptor(path)) }

/// The image, and what it says of how it was read.
func explainedSymbols(of path: String) throws -> (image: ImageSymbols, steps: String) {
    var explanation = Explanation(isWanted: true)
    let image = try ImageSymbols(reading: descriptor(path), explanation: &explanation)
    return (image, explanation.steps.joined(separator: "\n"))
}

extension ImageSymbols {
    /// The name at an address, nil for any other answer.
    func name(at address: UInt64) -> String? {
        guard case .symbol(let name, _, _, _) = answer(at: ImageAddress(address)) else { return nil }
        return String(decoding: name, as: UTF8.self)
    }

    /// Where the name at an address comes from, nil where there is none.
    func source(at address: UInt64) -> NameSource? {
        guard case .symbol(_, _, _, let source) = answer(at: ImageAddress(address)) else { return nil }
        return source
    }
}

/// A function as `nm -S` lists it.
struct ListedSymbol {
    let address: UInt64
    let size: UInt64
    let type: String
    let name: String
}

/// The functions `nm` lists, without versions.
func listedFunctions(_ path: String, _ options: [String] = []) throws -> [ListedSymbol] {
    let text = try #require(output(of: "nm", ["-S"] + options + [path]))
    return text.split(separator: "\n").compactMap { line in
        let words = line.split(separator: " ")
        guard words.count >= 3, let address = UInt64(words[0], radix: 16) else { return nil }
        let size = words.count > 3 ? UInt64(words[1], radix: 16) ?? 0 : 0
        let type = String(words[words.count - 2])
        guard ["t", "T", "w", "W", "i"].contains(type) else { return nil }
        let name = words[words.count - 1].split(separator: "@").first.map(String.init) ?? ""
        return ListedSymbol(address: address, size: size, type: type, name: name)
    }
}

struct NoSuchSection: Error {
    let name: String
}

/// Address, file offset and size of a section, as `readelf` lists it.
func listedSection(_ name: String, of path: String) throws -> (address: UInt64, offset: UInt64, size: UInt64) {
    let text = try #require(output(of: "readelf", ["-SW", path]))
    for line in text.split(separator: "\n") {
        guard let close = line.firstIndex(of: "]") else { continue }
        let words = line[line.index(after: close)...].split(separator: " ")
        guard words.count > 4, words[0] == name else { continue }
        return try (
            #require(UInt64(words[2], radix: 16)), #require(UInt64(words[3], radix: 16)),
            #require(UInt64(words[4], radix: 16))
        )
    }
    throw NoSuchSection(name: name)
}

/// A copy of an ELF file that has no section headers any more: all that is left to go by is what the loader uses.
func withoutSectionHeaders(_ path: String, in directory: TemporaryDirectory) throws -> String {
    var bytes = try Array(Data(contentsOf: URL(fileURLWithPath: path)))
    // e_shoff, then e_shentsize, e_shnum and e_shstrndx
    let fields = bytes[4] == 2 ? Array(40..<48) + Array(58..<64) : Array(32..<36) + Array(46..<52)
    for index in fields { bytes[index] = 0 }
    return try directory.write(bytes, to: "headless")
}

struct ToolFailure: Error {
    let command: String
}

/// Runs a tool that must succeed.
func run(_ tool: String, _ arguments: String...) throws {
    guard output(of: tool, arguments) != nil else {
        throw ToolFailure(command: ([tool] + arguments).joined(separator: " "))
    }
}

let haveCompiler = isInstalled("gcc") && isInstalled("nm") && isInstalled("readelf")
