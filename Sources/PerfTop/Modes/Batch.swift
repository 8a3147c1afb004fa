internal import CLinuxShims
internal import Glibc
internal import SampleEngine

/// How a batch run goes.
struct BatchOptions {
    var format = FormatName.text
    /// Nil: until the target ends or a signal comes.
    var frames: Int?
    var outputPath: String?
    var report = ReportOptions()
    /// How the main thread is while counters are opened, and again once an end is asked for; between them it is ordinary.
    var scheduling = Scheduling.ordinary(refusal: nil)
    /// The command that was started to be profiled.
    var command: Command?
}

/// Writes a frame for every interval until the wanted number, the target's end or a signal.
///
/// - Returns: the signal that ended it, to be raised again; nil where it ended by itself.
func runBatch(
    _ session: Session, output: borrowing Output, signals: Int32, options: BatchOptions
) throws(EngineError) -> Int32? {
    var writer = FrameWriter(options: options, signals: signals)
    if case .realTime(let priority) = options.scheduling { hurry(at: signals, realTime: priority) }
    options.scheduling.giveUp()
    output.begin()
    guard try writer.begin(output) else { return nil }
    let reader = output.reader
    var ending: Ending?
    // A frame that was not begun when a signal came: it is still to be written.
    var unwritten: Profile?
    while true {
        var watched = [
            pollfd(fd: session.wakeDescriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
            pollfd(fd: ending == nil ? options.command?.descriptor ?? -1 : -1, events: Int16(POLLIN), revents: 0),
            // Asked for nothing it tells that nobody reads any more: the next frame may be an hour away.
            pollfd(fd: ending == nil ? reader.descriptor : -1, events: 0, revents: 0),
        ]
        _ = unsafe poll(&watched, UInt(watched.count), unwritten != nil ? 0 : ending?.millisecondsLeft ?? -1)
        let signal = pt_next_signal(signals)
        // The other thread may not have seen it.
        if signal != 0, case .realTime(let priority) = options.scheduling { Scheduling.claim(priority) }
        if signal == SIGINT, let command = options.command, command.reap() == nil {
            // It is asked to end, and we with it; asked again, it is killed.
            command.interrupt()
            continue
        }
        if signal == 0, watched[3].revents != 0 {
            session.requestStop(patience: 0)
            return reader.loss
        }
        // Who asks twice does not want to wait for the last frame either.
        if let ending, signal != 0 || ending.millisecondsLeft == 0 {
            return ending.signal ?? (signal == 0 ? nil : signal)
        }
        if signal != 0 || ending == nil && options.command?.reap() != nil {
            // What was sampled so far is not thrown away: the last frame is a shorter one.
            let end = Ending(signal: signal == 0 ? nil : signal)
            session.requestStop(patience: end.patienceForNames)
            ending = end
            continue
        }
        guard let profile = unwritten ?? (watched[0].revents != 0 ? session.takeLatest() : nil) else { continue }
        unwritten = nil
        let goesOn = try writer.write(profile, to: output, patience: ending == nil ? nil : 1000)
        if !goesOn, isReadable(signals) {
            unwritten = profile
            continue
        }
        if let ending, !goesOn || profile.isLast { return ending.signal }
        // Its counters end a moment before it can be waited for.
        if profile.state == .exited { options.command?.reap(waiting: true) }
        if !goesOn || profile.isLast {
            session.requestStop(patience: 0)
            return nil
        }
    }
}

/// Has the main thread go before ordinary ones from the first signal on: the end is not to wait for its turn among others
/// that want the CPU. It cannot see to that itself, as it may be late by seconds to hear of the signal.
private func hurry(at signals: Int32, realTime: Int32) {
    // Without one the end takes longer on a busy machine.
    try? EngineThread(name: "hurry", stackSize: 256 << 10, realTime: realTime) {
        Scheduling.claim(realTime)
        var watched = pollfd(fd: signals, events: Int16(POLLIN), revents: 0)
        while unsafe poll(&watched, 1, -1) < 0, errno == EINTR {}
        Scheduling.claim(realTime, for: getpid())
    }.detach()
}

/// The last frame is awaited.
private struct Ending {
    /// What asked for the end; nil: the command's own.
    let signal: Int32?
    private let deadline = Instant.now.advanced(byNanoseconds: 900_000_000)

    init(signal: Int32?) { self.signal = signal }

    /// Nanoseconds that the last frame waits for names; it must be folded and written behind that. A command that was
    /// short has all its names to be read still.
    var patienceForNames: UInt64 { signal == nil ? 500_000_000 : 300_000_000 }

    var millisecondsLeft: Int32 { Clock.monotonic.milliseconds(until: deadline) }
}

/// Numbers frames and writes them in the chosen format.
private struct FrameWriter {
    private let options: BatchOptions
    private var format: any BatchFormat
    private let signals: Int32
    private var frames = 0
    /// Events of the next frame that are written already.
    private var events = 0
    /// A frame was cut off, or nobody reads.
    private var isOver = false

    init(options: BatchOptions, signals: Int32) {
        self.options = options
        self.signals = signals
        format = options.format.format
    }

    func begin(_ output: borrowing Output) throws(EngineError) -> Bool {
        try output.write(format.preamble(options.report), signals: signals) == .all
    }

    /// - Returns: false when there is nothing more to write, or nobody to read it. What was not begun may be written later.
    mutating func write(
        _ profile: Profile, to output: borrowing Output, patience: UInt64? = nil
    ) throws(EngineError) -> Bool {
        if isOver || options.frames.map({ frames >= $0 }) == true { return false }
        if profile.slices.isEmpty { return true }
        // Siblings are counted in the rows of their leader.
        let leaders = profile.session.events.indices.filter { profile.session.events[$0].leader == nil }
        for event in leaders.dropFirst(events) {
            let frame = BatchFrame(profile, event: event, number: frames + 1, options: options.report)
            let text: String
            do {
                text = try format.text(frame)
            } catch {
                throw EngineError(
                    what: "frame \(frames + 1)", why: "it cannot be written as \(options.format.rawValue)")
            }
            // A command that is to end, and has: nobody waits for it any more, nor for a reader that sleeps.
            let ending = options.command.map { $0.isInterrupted ? $0.descriptor : -1 } ?? -1
            let written = try output.write(text, signals: signals, ending: ending, patience: patience)
            isOver = written == .part
            if written != .all { return false }
            events += 1
        }
        frames += 1
        events = 0
        return options.frames.map { frames < $0 } ?? true
    }
}

private func isReadable(_ fd: Int32) -> Bool {
    var request = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&request, 1, 0) > 0
}
