import EfficientNet
import Foundation
import Imaging

/// A lane's worker: one packed model in a process of its own, which sees decoded samples and never a file of a scan.
final class WorkerProcess {
    /// What a worker does with a frame.
    enum Answer<Value> {
        case done(Value)
        /// The worker could not make a reading of this frame, and goes on.
        case refused(stage: ScanFailure.Stage, reason: String)
    }

    private let process: ChildProcess
    private let labels: Int
    private let sumToOne: Bool
    private let hasDistance: Bool
    private var token = UInt64.random(in: 1...(1 << 32))
    /// What the self-test showed, where it was asked for and the package has one.
    let selfTest: SelfTestResult?

    /// Starts a worker and waits until it has loaded the model.
    ///
    /// - Parameters:
    ///   - model: The weights, which the worker maps.
    ///   - digest: The model's, as the supervisor found it; the worker must find the same.
    ///   - selfTest: Whether the self-test runs first.
    /// - Throws: `ChildFailure`, or `PipelineError.model` for a model that this process cannot use.
    static func starting(
        _ start: WorkerStart, planes: Planes, model: SharedModel, digest: String, labels: Int,
        activation: ModelManifest.Activation,
        program: ChildProgram, cancel: Flag, until deadline: Instant
    ) throws(WorkerStartFailure) -> WorkerProcess {
        do throws(ChildFailure) {
            return try WorkerProcess(
                start, planes: planes, model: model, digest: digest, labels: labels, activation: activation,
                program: program,
                cancel: cancel, until: deadline)
        } catch {
            if case .untrustworthy(let reason) = error { throw .model(reason) }
            throw .process(error)
        }
    }

    private init(
        _ start: WorkerStart, planes: Planes, model: SharedModel, digest: String, labels: Int,
        activation: ModelManifest.Activation,
        program: ChildProgram, cancel: Flag, until deadline: Instant
    ) throws(ChildFailure) {
        process = try ChildProcess("worker", program: program, cancel: cancel)
        self.labels = labels
        sumToOne = activation == .softmax
        hasDistance = model.statistics != nil
        guard let payload = try? JSONEncoder().encode(start) else {
            throw process.refuse("its settings cannot be sent")
        }
        let message = WorkerMessage.bytes(.start, token: token, Array(payload))
        try process.send(message, passing: [planes.readable, model.readable], until: deadline)
        let (kind, answer) = try Self.receive(process, token: token, until: deadline)
        switch kind {
        case .hello:
            guard let hello = try? JSONDecoder().decode(WorkerHello.self, from: Data(answer)) else {
                throw process.refuse("not a greeting")
            }
            guard hello.digest == digest, hello.labels == labels else {
                throw process.refuse(
                    "the model changed on disk: expected digest \(digest) and \(labels) labels, found \(hello.digest) and "
                        + "\(hello.labels)")
            }
            selfTest = hello.selfTest
        case .refusal:
            let refusal = try? JSONDecoder().decode(WorkerRefusal.self, from: Data(answer))
            throw process.refuse(printable(refusal?.reason ?? "no reason given"))
        default:
            throw process.refuse("a message of kind \(kind)")
        }
    }

    /// Reads one frame of the planes.
    func read(_ frame: FrameGeometry, until deadline: Instant) throws(ChildFailure) -> Answer<ReadingMessage> {
        try ask(.read, frame, expecting: .reading, until: deadline) { payload throws(ProtocolError) in
            try ReadingMessage(payload, labels: labels, sumToOne: sumToOne, hasDistance: hasDistance)
        }
    }

    /// A small picture of one frame of the planes.
    func thumbnail(_ frame: FrameGeometry, until deadline: Instant) throws(ChildFailure) -> Answer<Thumbnail> {
        try ask(.thumbnail, frame, expecting: .picture, until: deadline) { payload throws(ProtocolError) in
            try PictureMessage(payload).thumbnail
        }
    }

    private func ask<Value>(
        _ question: WorkerMessage.Kind, _ frame: FrameGeometry, expecting: WorkerMessage.Kind, until deadline: Instant,
        _ interpret: ([UInt8]) throws(ProtocolError) -> Value
    ) throws(ChildFailure) -> Answer<Value> {
        token += 1
        let message = WorkerMessage.bytes(question, token: token, FrameMessage(frame).payload)
        try process.send(message, until: deadline)
        let (kind, payload) = try Self.receive(process, token: token, until: deadline)
        if kind == .refusal {
            guard let refusal = try? JSONDecoder().decode(WorkerRefusal.self, from: Data(payload)) else {
                throw process.refuse("not a refusal")
            }
            return .refused(
                stage: refusal.stage == "prepare" ? .prepare : .network, reason: printable(refusal.reason))
        }
        guard kind == expecting else { throw process.refuse("a message of kind \(kind)") }
        do throws(ProtocolError) {
            return .done(try interpret(payload))
        } catch {
            throw process.refuse(error.reason)
        }
    }

    private static func receive(
        _ process: ChildProcess, token: UInt64, until deadline: Instant
    ) throws(ChildFailure) -> (WorkerMessage.Kind, [UInt8]) {
        let bytes = try process.receive(WorkerMessage.headerSize, until: deadline)
        let header: WorkerMessage.Header
        do throws(ProtocolError) {
            header = try WorkerMessage.Header(bytes)
        } catch {
            throw process.refuse(error.reason)
        }
        guard header.token == token else { throw process.refuse("it is about another frame") }
        return (header.kind, try process.receive(header.payload, until: deadline))
    }
}

/// Why a worker did not start.
enum WorkerStartFailure: Error, Equatable {
    /// The process did not come up.
    case process(ChildFailure)
    /// The model cannot be used; another process would find the same.
    case model(String)
}
