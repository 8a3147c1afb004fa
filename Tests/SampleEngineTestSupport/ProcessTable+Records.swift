package import SampleEngine

/// Shows an array of bytes as the ring reader shows a record.
package func withRecord<Result>(_ record: [UInt8], _ body: (RecordHeader, RawSpan) -> Result) -> Result {
    unsafe record.withUnsafeBytes { buffer in
        let bytes = unsafe buffer.bytes
        let word = bytes.byteCount < 8 ? 0 : unsafe bytes.unsafeLoadUnaligned(as: UInt64.self)
        return body(RecordHeader(word: word), bytes)
    }
}

extension ProcessTable {
    /// Applies a record's bytes as the sampler does.
    package mutating func feed(_ record: [UInt8]) {
        withRecord(record) { header, bytes in
            if let (decoded, name) = RecordDecoder.sideBand(header, bytes), let time = RecordDecoder.time(of: bytes) {
                apply(decoded, name: name, in: bytes, at: time)
            }
        }
    }

    /// Generation and place of a user-mode sample.
    package mutating func place(_ pid: Int32, _ address: UInt64, at time: UInt64) -> (
        generation: Generation, location: Location
    ) {
        let life = life(of: pid, at: time)
        return (generation(of: life), locate(address, in: life, at: time))
    }

    /// What the resolver would be told now.
    package mutating func sightings() -> (processes: [ProcessSighting], images: [ImageSighting]) {
        var processes: [ProcessSighting] = []
        var images: [ImageSighting] = []
        takeSightings(processes: &processes, images: &images)
        return (processes, images)
    }
}
