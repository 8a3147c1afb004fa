internal import Glibc
package import SampleEngine

/// A whole session whose writers, and whose clock, do what they like: what a row of bytes says, step by step, on one thread.
///
/// The same bytes are the same session. What comes of each step is a profile, for whoever folds, draws or writes it.
package struct HostileSession: ~Copyable {
    private let samples: TestRing
    private let sideBand: TestRing
    private let source: RecordSource
    private var stage: SampleStage
    private var schedule: Schedule
    private var builder: ProfileBuilder
    private let toResolver = Mailbox<OpenSlice>()
    private let toSampler = Mailbox<OpenSlice>()
    private let newcomers = Mailbox<[ProcessSighting]>()
    private var input: ByteInput
    private var steps = 0

    /// More are of no use to anybody who looks for what a step does.
    private static let mostSteps = 400

    /// - Parameters:
    ///   - bytes: what happens.
    ///   - window: of a screen; nil makes reports.
    package init(_ bytes: [UInt8], window: UInt64? = nil) throws {
        var input = ByteInput(bytes)
        let events: [SoftwareRing.Event] = [
            .init(id: 1, name: "periods", frequency: 99), .init(id: 2, name: "ticks", fixedPeriod: input.number()),
        ]
        let samples = TestRing(pages: 4, watermark: 1 << 30, events: events)
        let sideBand = TestRing(pages: 4, watermark: 1 << 30, purpose: .sideBand)
        samples.software.setClock(input.number())
        let source = try RecordSource(handedOver: [samples.software, sideBand.software], beside: nil)
        let bell = try Bell()
        let pace = Pace(
            delay: [1_000_000, 1_000_000_000, 5_000_000_000, .max][input.below(4)], window: window,
            history: window == nil ? 0 : 120_000_000_000)
        stage = SampleStage(
            source: source, pace: pace, toResolver: toResolver, toSampler: toSampler, newcomers: newcomers,
            followed: Mailbox(), resolverBell: bell, stop: StopFlag())
        builder = ProfileBuilder(
            session: SessionFacts(
                target: source.targetText, events: source.events, notes: source.notes, window: window,
                history: pace.history),
            wantedUser: nil)
        schedule = pace.schedule(from: source.clock.now)
        toSampler.put(OpenSlice())
        (self.samples, self.sideBand, self.source, self.input) = (samples, sideBand, source, input)
    }

    /// What is left of the input may be used for something else: keys, say.
    package mutating func nextByte() -> UInt8 { input.byte() }

    /// Goes on until something is there to be shown; nil at the end of the input.
    package mutating func next() -> Profile? {
        while !input.isAtEnd, steps < Self.mostSteps {
            steps += 1
            switch input.below(16) {
            case 0...5: samples.write(sample())
            case 6...8: sideBand.write(sideBandRecord())
            case 9: samples.write(anyRecord())
            case 10: sideBand.write(anyRecord())
            case 11: samples.software.setClock(input.number())
            case 12: samples.software.setClock(source.clock.now.nanoseconds &+ input.number())
            case 13: tellCounts()
            case 14: if let profile = drain() { return profile }
            default: disturb()
            }
        }
        return nil
    }

    /// What the sampler does when it is woken, and the resolver behind it.
    private mutating func drain() -> Profile? {
        _ = schedule.nextPicture
        if input.below(8) == 0 { schedule.change(delay: input.number(), at: source.clock.now) }
        let due = schedule.due(at: source.clock.now)
        stage.pass(everything: due != .nothing || input.below(2) == 0)
        _ = source.clock.milliseconds(until: schedule.nextDrain)
        guard schedule.wantsPicture(due, samples: stage.slice.samples) || input.below(2) == 0 else { return nil }
        guard input.below(8) > 0, stage.handOver(), var slice = toResolver.take() else {
            schedule.pictureWasRefused(at: source.clock.now)
            return nil
        }
        if let met = newcomers.take() { builder.look(at: met) }
        _ = builder.renewNames(for: slice)
        builder.add(slice)
        slice.reset()
        toSampler.put(slice)
        return builder.profile()
    }

    // MARK: Records

    /// Few processes, so that what is told of one meets what is told of it elsewhere; none that the machine has.
    private mutating func pid() -> Int32 {
        let choice = input.below(8)
        return choice < 6 ? 1 << 23 + Int32(choice) : choice == 6 ? 0 : Int32(truncatingIfNeeded: input.number())
    }

    private mutating func address() -> UInt64 {
        input.below(4) > 0 ? UInt64(input.byte()) << 10 : input.number()
    }

    private mutating func time() -> UInt64 {
        input.below(4) > 0 ? source.clock.now.nanoseconds &- UInt64(input.byte()) << 4 : input.number()
    }

    private mutating func sample() -> [UInt8] {
        let isPeriod = input.below(2) == 0
        return RecordBuilder.sample(
            id: isPeriod ? 1 : 2, address: address(), pid: pid(), thread: pid(), time: time(),
            cpu: input.below(8) > 0 ? 0 : UInt32(truncatingIfNeeded: input.number()),
            period: isPeriod ? input.number() : nil, mode: UInt16(input.below(7)))
    }

    private mutating func sideBandRecord() -> [UInt8] {
        switch input.below(8) {
        case 0, 1:
            let file =
                input.below(2) == 0
                ? RecordBuilder.File.buildID(Array(repeating: input.byte(), count: input.below(21)))
                : .inode(major: 8, minor: 1, inode: input.number(), generation: 0)
            return RecordBuilder.mmap2(
                pid: pid(), start: address(), length: address(), offset: address(), file: file, path: text(),
                time: time())
        case 2:
            return RecordBuilder.comm(
                pid: pid(), thread: pid(), String(decoding: text(), as: UTF8.self), exec: input.below(2) == 0,
                time: time())
        case 3: return RecordBuilder.fork(pid: pid(), parent: pid(), time: time())
        case 4: return RecordBuilder.exit(pid: pid(), time: time())
        case 5:
            return RecordBuilder.ksymbol(
                start: address() | 1 << 63, length: UInt32(truncatingIfNeeded: input.number()),
                kind: UInt16(input.below(4)), flags: UInt16(input.below(3)), text(), time: time())
        case 6: return RecordBuilder.lost(input.number(), time: time())
        default: return RecordBuilder.lostSamples(input.number(), time: time())
        }
    }

    private mutating func text() -> [UInt8] { input.bytes(input.below(24)) }

    private mutating func anyRecord() -> [UInt8] {
        let (type, misc) = (UInt32(input.below(24)), UInt16(input.byte()) << 8 | UInt16(input.byte()))
        return RecordBuilder.record(type: type, misc: misc, input.bytes(input.below(16) * 8))
    }

    // MARK: Beside records

    private mutating func tellCounts() {
        if input.below(2) == 0 {
            samples.writer.updatePage(count: input.number(), enabled: input.number(), running: input.number())
        } else {
            samples.writer.addCounts(
                event: input.below(2), value: input.number(), enabled: input.number(), running: input.number())
        }
    }

    /// What no writer would do: words of the ring's memory are written over.
    private mutating func disturb() {
        let ring = input.below(2) == 0 ? samples : sideBand
        switch input.below(6) {
        case 0: ring.poke.head = input.number()
        case 1: ring.poke.tail = input.number()
        case 2: ring.poke.setStateWord(SoftwareLayout.refused, input.number())
        case 3: ring.poke.setStateWord(SoftwareLayout.skipped, input.number())
        case 4: ring.poke.write(input.bytes(8), at: UInt64(input.byte()) << 3)
        default: ring.poke.append(input.bytes(8 * input.below(8)))
        }
    }
}
