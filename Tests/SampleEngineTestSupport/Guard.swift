internal import Foundation
internal import Glibc

/// Ends what the tests have started when their process has ended, also where it was killed: `scripts/guard.py`.
enum Guard {
    /// What children have in their environment, and theirs from them: by it the guard knows them. Whoever asks first
    /// starts the guard, so that it is there before any of them.
    static let mark: (name: String, value: String) = {
        // Not what the script that runs the tests has for itself.
        let mark = (name: "PERFTOP_TESTS_PROCESS", value: UUID().uuidString)
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "python3", root.path + "/scripts/guard.py", "\(mark.name)=\(mark.value)", "\(getpid())", "\(getppid())",
        ]
        process.environment = ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        // Without Python nothing is guarded; the tests are what they are.
        try? process.run()
        return mark
    }()
}
