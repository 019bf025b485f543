import CCodecs
import CSystem
import EfficientNet
import Foundation
import Imaging

/// The worker process: loads one model, then turns frames in shared memory into probabilities until its socket closes.
///
/// Synchronous and on one thread. Once the model is loaded, and before it sees a sample of any scan, it gives up files, network
/// and all system calls but those that computing and answering take.
public enum WorkerLoop {
    /// Serves the supervisor on the socket that a spawned child has.
    ///
    /// - Returns: the exit status: 0 when the supervisor closed the socket, 64 when there is no supervisor, 74 otherwise.
    public static func run() -> Int32 {
        let socket = Int32(NR_CHILD_SOCKET)
        guard nr_die_with_parent(socket) == 0 else { return 64 }
        var worker = Worker(socket: socket)
        return worker.serve()
    }
}

/// The decoder process.
public enum DecoderLoop {
    /// Serves the supervisor on the socket that a spawned child has; all of it is C.
    ///
    /// - Returns: the exit status: 0 when the supervisor closed the socket, 64 when there is no supervisor, 74 otherwise.
    public static func run() -> Int32 {
        let socket = Int32(NR_CHILD_SOCKET)
        guard nr_die_with_parent(socket) == 0 else { return 64 }
        return nr_decoder_loop(socket) == 0 ? 0 : 74
    }
}

/// What a worker keeps from frame to frame.
private struct Worker {
    private let socket: Int32
    private let patience = nr_patience(deadline: -1, cancel: -1)
    private var loaded: Loaded?

    private struct Loaded {
        let reader: FrameReader
        let limits: ScanLimits
        let planes: UnsafeRawBufferPointer
    }

    init(socket: Int32) { self.socket = socket }

    mutating func serve() -> Int32 {
        var bytes = [UInt8](repeating: 0, count: WorkerMessage.headerSize)
        while true {
            // The first message, and no other, carries the planes and the packed model.
            var passed: [Int32] = [-1, -1]
            let error = nr_receive(socket, &bytes, bytes.count, &passed, loaded == nil ? 2 : 0, patience)
            guard error == 0 else { return error == ECONNRESET ? 0 : 74 }
            do throws(ProtocolError) {
                let header = try WorkerMessage.Header(bytes)
                var payload = [UInt8](repeating: 0, count: header.payload)
                if header.payload > 0, nr_receive(socket, &payload, payload.count, nil, 0, patience) != 0 { return 74 }
                let (kind, answer) = try answer(header.kind, payload, passed: passed)
                let message = WorkerMessage.bytes(kind, token: header.token, answer)
                guard nr_send(socket, message, message.count, nil, 0, patience) == 0 else { return 74 }
            } catch {
                return 74
            }
        }
    }

    /// - Throws: when the supervisor does not keep to the protocol, which ends this process.
    private mutating func answer(
        _ kind: WorkerMessage.Kind, _ payload: [UInt8], passed: [Int32]
    ) throws(ProtocolError) -> (WorkerMessage.Kind, [UInt8]) {
        switch (kind, loaded) {
        case (.start, nil):
            guard let start = try? JSONDecoder().decode(WorkerStart.self, from: Data(payload)) else {
                throw ProtocolError(reason: "not a start")
            }
            return try load(start, planes: passed[0], model: passed[1])
        case (.read, let loaded?):
            let frame = try FrameMessage(payload, limits: loaded.limits, planesCapacity: loaded.planes.count).frame
            return refusing { () throws(FrameReader.Refusal) in
                (.reading, try loaded.reader.read(frame, planes: loaded.planes).payload)
            }
        case (.thumbnail, let loaded?):
            let frame = try FrameMessage(payload, limits: loaded.limits, planesCapacity: loaded.planes.count).frame
            return refusing { () throws(FrameReader.Refusal) in
                (.picture, PictureMessage(try loaded.reader.thumbnail(frame, planes: loaded.planes)).payload)
            }
        default:
            throw ProtocolError(reason: "a message of kind \(kind)")
        }
    }

    private mutating func load(
        _ start: WorkerStart, planes: Int32, model descriptor: Int32
    ) throws(ProtocolError) -> (WorkerMessage.Kind, [UInt8]) {
        guard let address = mmap(nil, start.planesCapacity, PROT_READ, MAP_SHARED, planes, 0), address != MAP_FAILED
        else { return (.refusal, refusal("model", "the planes cannot be mapped: \(systemMessage(errno))")) }
        close(planes)
        let model: PackedModel
        do throws(EfficientNetError) {
            model = try PackedModel(mapping: descriptor, bytes: start.sharedBytes)
        } catch {
            return (.refusal, refusal("model", "\(error)"))
        }
        close(descriptor)
        do throws(FrameReader.Refusal) {
            let reader = try FrameReader(model, package: start.package, preprocessing: start.preprocessing)
            let selfTest = start.selfTest ? try reader.selfTest() : nil
            loaded = Loaded(
                reader: reader, limits: start.limits,
                planes: UnsafeRawBufferPointer(start: address, count: start.planesCapacity))
            let hello = WorkerHello(digest: reader.digest, labels: reader.labels, selfTest: selfTest)
            guard let bytes = try? JSONEncoder().encode(hello) else {
                throw FrameReader.Refusal(.network, "no greeting")
            }
            let error = nr_confine(NR_CALLS_ANSWERING)
            guard error == 0 else { throw FrameReader.Refusal(.network, "no sandbox: \(systemMessage(error))") }
            return (.hello, Array(bytes))
        } catch {
            return (.refusal, refusal("model", error.reason))
        }
    }

    private func refusing(
        _ body: () throws(FrameReader.Refusal) -> (WorkerMessage.Kind, [UInt8])
    ) -> (WorkerMessage.Kind, [UInt8]) {
        do throws(FrameReader.Refusal) { return try body() } catch {
            return (.refusal, refusal(error.stage.rawValue, error.reason))
        }
    }

    private func refusal(_ stage: String, _ reason: String) -> [UInt8] {
        let refusal = WorkerRefusal(stage: stage, reason: String(reason.prefix(1000)))
        return (try? JSONEncoder().encode(refusal)).map(Array.init) ?? []
    }
}
