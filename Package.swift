// swift-tools-version: 6.2
import PackageDescription

/// One set of rules for every Swift target: Swift 6 mode, every unsafe use marked, no warning tolerated.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
    name: "perftop",
    products: [
        .executable(name: "perftop", targets: ["perftop"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
    ],
    targets: [
        .systemLibrary(name: "CNcurses"),
        .target(name: "CLinuxShims"),
        // The headers of toml++ are of the distribution: see scripts/setup.sh.
        .target(name: "CToml"),
        .target(name: "SampleEngine", dependencies: ["CLinuxShims"], swiftSettings: strict),
        .target(name: "TopView", dependencies: ["SampleEngine"], swiftSettings: strict),
        .executableTarget(
            name: "perftop",
            dependencies: [
                "SampleEngine", "TopView", "CNcurses", "CLinuxShims", "CToml",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/PerfTop",
            swiftSettings: strict),
        .target(
            name: "SampleEngineTestSupport",
            dependencies: ["SampleEngine", "CLinuxShims"],
            path: "Tests/SampleEngineTestSupport",
            swiftSettings: strict),
        // A process of its own that writes into rings which tests hand over.
        .executableTarget(
            name: "ring-writer",
            dependencies: ["SampleEngine", "SampleEngineTestSupport"],
            path: "Tests/RingWriterProgram",
            swiftSettings: strict),
        // What a record costs from a software ring to its cell: see Benchmarks/README.md.
        .target(name: "AllocationCounter", path: "Benchmarks/AllocationCounter"),
        .executableTarget(
            name: "ring-benchmark",
            dependencies: ["SampleEngine", "AllocationCounter"],
            path: "Benchmarks/RingBenchmark",
            swiftSettings: strict),
        // What a symbol table costs: see Benchmarks/README.md.
        .executableTarget(
            name: "name-benchmark",
            dependencies: ["SampleEngine"],
            path: "Benchmarks/NameBenchmark",
            swiftSettings: strict),
        .testTarget(
            name: "SampleEngineTests",
            dependencies: ["SampleEngine", "SampleEngineTestSupport", "CLinuxShims"],
            exclude: ["Programs"],
            swiftSettings: strict),
        .testTarget(
            name: "TopViewTests",
            dependencies: ["TopView", "SampleEngineTestSupport"],
            exclude: ["Golden"],
            swiftSettings: strict),
        .testTarget(
            name: "PerfTopTests",
            dependencies: [
                "perftop", "ring-writer", "ring-benchmark", "SampleEngine", "TopView", "SampleEngineTestSupport",
                "CLinuxShims",
            ],
            exclude: ["Programs", "Naming/README.md"],
            swiftSettings: strict),
    ],
    cxxLanguageStandard: .cxx17
)
