import Glibc
import SampleEngine
import SampleEngineTestSupport
import Testing

private func demangled(_ rawName: [UInt8]) -> String? { readableName(of: rawName)?.full }

@Suite("Readable names")
struct DemanglerTests {
    @Test(
        "Each language is recognized by its prefix",
        arguments: [
            ("_ZN3foo3barEi", "foo::bar(int)"),
            ("_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector<int, std::allocator<int> >::push_back(int const&)"),
            ("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad"),
            ("_RNvC6_123foo3bar", "123foo::bar"),
            ("_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar"),
            ("$s4main3fooyyF", "main.foo() -> ()"),
            ("_$s4main3fooyyF", "main.foo() -> ()"),
            ("$S4main3fooyyF", "main.foo() -> ()"),
            ("_T04main3fooyyF", "main.foo() -> ()"),
        ])
    func languages(raw: String, readable: String) { #expect(demangled(Array(raw.utf8)) == readable) }

    @Test("Of all the Swift names in this program hardly one stays raw, private ones with their hashes neither")
    func ownNames() throws {
        let names = try listedFunctions("/proc/\(getpid())/exe").map(\.name).filter {
            // Names that macros make hold hashes of all forms.
            $0.hasPrefix("$s") && $0.utf8.count <= 1024 && !$0.contains(".") && !$0.contains("fM")
        }
        try #require(names.count > 10_000)
        // Every fifth says as much in a fifth of the time.
        let looked = Machine.isFull ? names : stride(from: 0, to: names.count, by: 5).map { names[$0] }
        let raw = looked.filter { readableName(of: Array($0.utf8)) == nil }
        #expect(raw.count * 500 <= looked.count, "\(raw.count) of \(looked.count): \(raw.prefix(5))")
    }

    @Test("A hash that no identifier stands before is counted as what it may be")
    func falseHash() {
        let block = String("33_A2048BA2048BA2048BA2048BA2048BA2048B".prefix(35)) + "LL"
        let name = "$sS" + String(repeating: block, count: 8) + "F"
        #expect(readableName(of: Array(name.utf8)) == nil)
    }

    @Test(
        "Parts and copies are marked in brackets",
        arguments: [
            ("_ZN3foo3barEi.cold", "foo::bar(int) [cold]"),
            ("foo.cold", "foo [cold]"),
            ("foo.constprop.0.isra.0", "foo [constprop.0.isra.0]"),
            ("foo.part.3", "foo [part.3]"),
            ("foo.localalias", "foo [localalias]"), ("foo.cold.1", "foo [cold.1]"),
            ("foo._omp_fn.0", "foo [_omp_fn.0]"),
            ("foo.__uniq.98765432109876543210", "foo [__uniq]"), ("foo.__uniq.1.llvm.2.cold", "foo [__uniq.llvm.cold]"),
            ("_ZN3foo3barEi.resume", "foo::bar(int) [resume]"), ("_ZN3foo3barEi.destroy", "foo::bar(int) [destroy]"),
            ("_ZN3foo3barEi.cleanup", "foo::bar(int) [cleanup]"), ("_ZN3foo3barEi.actor", "foo::bar(int) [actor]"),
            ("_RNvC6_123foo3bar.llvm.123", "123foo::bar [llvm]"),
            ("foo.lto_priv.0", "foo [lto_priv.0]"),
            ("_ZN3foo3barEi.llvm.1234567890", "foo::bar(int) [llvm]"),
            ("$s4main3fooyyYaFTY0_", "main.foo() async -> () [suspend 1]"),
            ("$s4main3fooyyYaFTQ_", "main.foo() async -> () [resume 0]"),
        ])
    func suffixes(raw: String, readable: String) { #expect(demangled(Array(raw.utf8)) == readable) }

    /// Written by hand after the grammars of the manglings: no demangler here reads the whole names.
    @Test(
        "Of a name that the demangler does not know yet its beginning is given, and marked",
        arguments: [
            ("_Z1fIiQ7IntegerIT_EEvS0_", "f<…>…"), ("_ZN1A1gITk7IntegeriEEvT_", "A::g<…>…"),
            ("_ZNK3geo5Shape4areaITkNS_5RoundEiEEvT_", "geo::Shape::area<…>…"), ("_ZN1AC1ITk1CiEEv", "A::A<…>…"),
            ("_ZN3fooF3barEPS_", "foo::bar(…)"), ("_ZSt4sortITk1CiEvT_", "std::sort<…>…"),
            ("_ZN12_GLOBAL__N_11fITk1CiEEvT_", "(anonymous namespace)::f<…>…"),
            ("_ZW3modN3foo3barEv", "foo::bar(…)"), ("_ZNH3foo3barES_", "foo::bar(…)"),
            ("_RINvC3geo4areaKVs_5ShapeUE", "geo::area::<…>…"), ("_RNvNtC3geo5shapeXx", "geo::shape…"),
            ("_ZN4core7$u4e2d$3foo17h0123456789abcdefE", "core::中::foo"),
            ("_ZN29_$LT$$u4e2d$$u20$as$u20$T$GT$3foo17h0123456789abcdefE", "<中 as T>::foo"),
            (
                "_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y",
                "utf8_idents::საჭმელად_გემრიელი_სადილი"
            ),
        ])
    func beginnings(raw: String, readable: String) { #expect(demangled(Array(raw.utf8)) == readable) }

    @Test("Of a cut or changed name nothing is made up: every word stands in it, in this order")
    func noInventedNames() throws {
        let names = [
            "_ZNK3geo5Shape4areaITkNS_5RoundEiEEvT_", "_Z1fIiQ7IntegerIT_EEvS0_", "_RINvC3geo4areaKVs_5ShapeUE",
        ]
        for name in names.map({ Array($0.utf8) }) {
            for length in 0...name.count {
                guard let shown = demangled(Array(name[..<length])), shown.hasSuffix("…") else { continue }
                var rest = String(decoding: name, as: UTF8.self)[...]
                for word in shown.split(whereSeparator: { !$0.isLetter }) {
                    let found = try #require(rest.firstRange(of: word), "\(shown) of \(length) bytes")
                    rest = rest[found.upperBound...]
                }
            }
        }
    }

    @Test(
        "Names that are readable already stay as they are",
        arguments: [
            "", "d", "f", "main", "_Z", "_R", "$s", "$x", "_T0", "_T0foo", "foo.cpp", "foo.0", ".cold", "_start",
            "_ZTfoo?",
        ])
    func plain(raw: String) { #expect(demangled(Array(raw.utf8)) == nil) }

    @Test("Control characters in a name are shown, not sent")
    func escapes() {
        #expect(demangled(Array("a\u{1b}[7m.cold".utf8)) == "a\\x1b[7m [cold]")
        #expect(demangled(Array("_ZN3a\u{1b}b3barEv".utf8))?.utf8.contains(0x1b) != true)
    }

    @Test(
        "C++ names agree with c++filt",
        .enabled(if: isInstalled("c++filt") && isInstalled("g++"), "needs binutils, g++"))
    func agreesWithFilter() throws {
        let directory = try TemporaryDirectory()
        let path = try compile(["names.cpp"], ["-O1"], compiler: "g++", in: directory)
        let names = try Set(listedFunctions(path).map(\.name)).filter { $0.hasPrefix("_Z") && !$0.contains(".") }
            .sorted()
        #expect(names.count >= 8)
        let text = try #require(output(of: "c++filt", ["-i"], input: names.joined(separator: "\n") + "\n"))
        #expect(names.map { demangled(Array($0.utf8)) ?? $0 } == text.split(separator: "\n").map(String.init))
    }

    /// A C++ name whose every template takes the one before twice.
    static func doublingCxx(_ levels: Int) -> String {
        var name = "_Z1f1AIiiE"
        for level in 0..<levels {
            let inner = "S" + (level == 0 ? "0" : String(level, radix: 36, uppercase: true)) + "_"
            name += "S_I\(inner)\(inner)E"
        }
        return name
    }

    /// The same in Swift: dictionaries whose key is the dictionary before.
    static func doublingSwift(_ levels: Int) -> String {
        var type = "SDySSSSG"
        for level in 0..<levels {
            type = "SDy" + type + "A" + String(UnicodeScalar(UInt8(0x43 + min(level, 23)))) + "G"
        }
        return "$s4main1x" + type + "vp"
    }

    @Test(
        "Names made to explode end soon, and stay raw or short",
        arguments: [
            doublingCxx(8), doublingCxx(20), doublingCxx(60), doublingCxx(150),
            "_Z1fI" + String(repeating: "1AI", count: 300) + String(repeating: "E", count: 301) + "vv",
            "_Z1fIiEv" + String(repeating: "RT_", count: 300) + String(repeating: "1AIiE", count: 200),
            doublingSwift(3), doublingSwift(8), doublingSwift(12), doublingSwift(20), doublingSwift(24),
            "$s" + String(repeating: "Sg", count: 60_000), "$s4main1xSi" + String(repeating: "Sg", count: 500) + "vp",
            "$s4main1x" + String(repeating: "S2000i", count: 100) + "tvp",
            "$s4main1x" + String(repeating: "A2000A", count: 100) + "tvp",
            "_R" + String(repeating: "NvNt", count: 500), "_RIC1a" + String(repeating: "TB2_B2_", count: 200) + "E",
            String(repeating: "_Z", count: 1000), String(repeating: "a", count: 100_000),
        ])
    func hostile(raw: String) {
        let time = processorTime {
            let text = demangled(Array(raw.utf8))
            #expect((text?.utf8.count ?? 0) <= 4200)
        }
        #expect(time < .milliseconds(100))
    }

    @Test("No small change to a name brings the demanglers down")
    func mutated() {
        var random = Random(seed: 7)
        let names = [
            "_ZNSt6vectorIiSaIiEE9push_backERKi", "_RNvNtCs1234_7mycrate3foo3bar", "$sSS7cStringSSSPys4Int8VG_tcfC",
            Self.doublingSwift(5), Self.doublingCxx(5),
        ].map { Array($0.utf8) }
        for round in 0..<4000 {
            var name = names[round % names.count]
            for _ in 0...Int(random.next() % 3) {
                name[2 + Int(random.next() % UInt64(name.count - 2))] = UInt8(0x24 + random.next() % 87)
            }
            _ = demangled(name)
        }
    }
}

/// Numbers that are the same in every run (splitmix64).
struct Random {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
