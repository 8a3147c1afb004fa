import CLinuxShims
import Foundation
import SampleEngineTestSupport
import Testing

@testable import SampleEngine

@Suite("Searching code for stubs")
struct StubSearchTests {
    private func file(_ bytes: [UInt8]) throws -> ImageFile {
        let number = unsafe pt_memfd("code")
        try #require(number >= 0)
        let file = Descriptor(owning: number)
        try #require(unsafe write(number, bytes, bytes.count) == bytes.count)
        return ImageFile(file, ReadingMeter())
    }

    private static let intel: [[UInt8]] = [
        [0xff, 0x25, 1, 2, 3, 4], [0xf2], [0xf3, 0x0f, 0x1e, 0xfa], [0xff, 0x35, 0, 0, 0, 0], [0x90], [0xff], [0x25],
    ]
    private static let arm: [[UInt8]] = [
        [0x10, 0, 0, 0x90], [0x11, 0x06, 0x40, 0xf9], [0x5f, 0x24, 0x03, 0xd5], [0xf0, 0x7b, 0xbf, 0xa9],
    ]

    @Test(
        "Code in pieces has the stubs that it has as a whole, wherever the pieces end", arguments: 0..<10 as Range<Int>)
    func pieces(seed: Int) throws {
        var random = SeededRandom(UInt64(seed))
        for (machine, words) in [(ELF.intel64, Self.intel), (ELF.aarch64, Self.arm)] {
            let code = (0..<400).flatMap { _ in words[random.below(words.count)] }
            let file = try file(code)
            let range = try FileRange(offset: 0, size: UInt64(code.count), fileSize: UInt64(code.count))
            func jumps(_ pieceSize: Int) throws -> [LinkageStubs.Jump] {
                try LinkageStubs.jumps(in: range, at: 0x40_1000, machine, file, limit: 1000, pieceSize: pieceSize)
            }
            let whole = try jumps(1 << 20)
            #expect(whole.count > 5)
            for size in [4, 8, 12, 16, 28, 64, 512] { #expect(try jumps(size) == whole) }
        }
    }

    @Test("More stubs than any honest image has are not looked for to the end")
    func tooMany() throws {
        let code = Array(repeatElement(Self.intel[0], count: 700_000).joined())
        let file = try file(code)
        let range = try FileRange(offset: 0, size: UInt64(code.count), fileSize: UInt64(code.count))
        #expect(throws: ELFError.tooLarge) {
            try LinkageStubs.jumps(in: range, at: 0x40_1000, ELF.intel64, file, limit: 50_000)
        }
        #expect(file.meter.bytes < UInt64(code.count / 4))
    }
}
