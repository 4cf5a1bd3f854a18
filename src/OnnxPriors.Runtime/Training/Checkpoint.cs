using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using OnnxPriors.Runtime.Steps;

namespace OnnxPriors.Runtime.Training;

/// <summary>Where a run is, beside its tensors: all that the next step depends on.</summary>
internal sealed record Progress
{
    /// <summary>The updates made; schedule, bias correction and noise follow from it.</summary>
    public required long Step { get; set; }

    /// <summary>The epoch under way, from 0.</summary>
    public required int Epoch { get; set; }

    /// <summary>The micro-batch that comes next in the epoch.</summary>
    public required int Batch { get; set; }

    /// <summary>Σ loss · labels over the epoch so far.</summary>
    public required double LossSum { get; set; }

    /// <summary>The epoch's decisions so far (classes of examples or of pixels) that were right when they were trained on.</summary>
    public required long Right { get; set; }

    /// <summary>The epoch's decisions so far.</summary>
    public required long Decisions { get; set; }

    /// <summary>The epoch's examples so far.</summary>
    public required int Examples { get; set; }

    /// <summary>The samples collected.</summary>
    public required int Samples { get; set; }

    /// <summary>The best epoch so far, from 0; −1 before the first.</summary>
    public required int BestEpoch { get; set; }

    /// <summary>Its value: NLL or accuracy.</summary>
    public required double BestValue { get; set; }

    /// <summary>The length of the metrics file in bytes.</summary>
    public required long MetricsLength { get; set; }

    /// <summary>The time trained, in seconds, over all processes.</summary>
    public required double Seconds { get; set; }

    /// <summary>Where the prior's scale is, where it is learned.</summary>
    public ScaleState? Scale { get; set; }

    /// <summary>Where a run begins.</summary>
    public static Progress Start() => new()
    {
        Step = 0,
        Epoch = 0,
        Batch = 0,
        LossSum = 0,
        Right = 0,
        Decisions = 0,
        Examples = 0,
        Samples = 0,
        BestEpoch = -1,
        BestValue = double.MaxValue,
        MetricsLength = 0,
        Seconds = 0,
    };
}

/// <summary>What a checkpoint says about itself before its tensors.</summary>
/// <param name="Progress">Where the run is.</param>
/// <param name="Identity">What fixes the run's bits, by the name a user knows it by.</param>
/// <param name="Runtime">The ONNX Runtime it was made with.</param>
/// <param name="Threads">The threads it was made with; 0 for one a core.</param>
internal sealed record CheckpointHeader(Progress Progress, SortedDictionary<string, string> Identity, string Runtime, int Threads);

/// <summary>
/// A run's whole state in one file that is replaced at once: the magic, a JSON header, θ, the optimizer's states, the running
/// statistics (float32 little-endian) and a SHA-256 of all that.
/// </summary>
internal static class Checkpoint
{
    private const int MaximumHeader = 1 << 20;

    /// <summary>What is written at a time: a span of bytes cannot show a whole state of more than half a billion floats.</summary>
    private const int PartLength = 1 << 22;

    private static ReadOnlySpan<byte> Magic => "ONNXPRC1"u8;

    /// <summary>Writes the state beside its place, forces it to the disk and renames it.</summary>
    public static void Write(string path, CheckpointHeader header, StepSession session)
    {
        using var file = AtomicFile.Create(path);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var json = JsonSerializer.SerializeToUtf8Bytes(header, CheckpointJson.Default.CheckpointHeader);
        Put(Magic);
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, json.Length);
        Put(length);
        Put(json);
        PutAll(session.Parameters);
        for (var i = 0; i < session.Manifest.Optimizer.States.Count; i++)
            PutAll(session.OptimizerState(i));
        PutAll(session.Statistics);
        file.Stream.Write(hash.GetHashAndReset());
        file.Commit();

        void PutAll(ReadOnlySpan<float> values)
        {
            for (var part = Part(values); !part.IsEmpty; values = values[part.Length..], part = Part(values))
                Put(MemoryMarshal.AsBytes(part));
        }

        void Put(ReadOnlySpan<byte> bytes)
        {
            hash.AppendData(bytes);
            file.Stream.Write(bytes);
        }
    }

    /// <summary>Writes a state file: θ [P], then the running statistics.</summary>
    public static void WriteState(Stream stream, StepSession session)
    {
        Write(session.Parameters);
        Write(session.Statistics);

        void Write(ReadOnlySpan<float> values)
        {
            for (var part = Part(values); !part.IsEmpty; values = values[part.Length..], part = Part(values))
                stream.Write(MemoryMarshal.AsBytes(part));
        }
    }

    private static ReadOnlySpan<float> Part(ReadOnlySpan<float> values) => values[..Math.Min(values.Length, PartLength)];

    /// <summary>Reads the header, then the tensors into the session once <paramref name="check"/> has let the header pass.</summary>
    /// <exception cref="RunException">The file is damaged or of another step.</exception>
    public static CheckpointHeader Read(string path, StepSession session, Action<CheckpointHeader> check)
    {
        try
        {
            using var stream = File.OpenRead(path);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            Span<byte> start = stackalloc byte[Magic.Length + sizeof(int)];
            Get(start);
            var length = BinaryPrimitives.ReadInt32LittleEndian(start[Magic.Length..]);
            if (!start.StartsWith(Magic) || length is < 0 or > MaximumHeader)
                throw new InvalidDataException("it does not begin as a checkpoint does");
            var json = new byte[length];
            Get(json);
            var header = JsonSerializer.Deserialize(json, CheckpointJson.Default.CheckpointHeader) ?? throw new InvalidDataException("its header is empty");
            check(header);
            GetAll(session.Parameters);
            for (var i = 0; i < session.Manifest.Optimizer.States.Count; i++)
                GetAll(session.OptimizerState(i));
            GetAll(session.Statistics);
            Span<byte> expected = stackalloc byte[SHA256.HashSizeInBytes];
            stream.ReadExactly(expected);
            if (!hash.GetHashAndReset().AsSpan().SequenceEqual(expected) || stream.Position != stream.Length)
                throw new InvalidDataException("its SHA-256 is not its own");
            return header;

            void GetAll(Span<float> values)
            {
                for (var done = 0; done < values.Length; done += Part(values[done..]).Length)
                    Get(MemoryMarshal.AsBytes(values.Slice(done, Part(values[done..]).Length)));
            }

            void Get(Span<byte> bytes)
            {
                stream.ReadExactly(bytes);
                hash.AppendData(bytes);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException or InvalidDataException)
        {
            throw new RunException($"The checkpoint '{path}' is damaged: {error.Message.TrimEnd('.')}. Delete the run's folder and train again.", error);
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(CheckpointHeader))]
internal sealed partial class CheckpointJson : JsonSerializerContext;
