using System.Collections.Immutable;
using System.IO.Compression;
using System.Runtime.InteropServices;
using Google.Protobuf;
using OnnxPriors.Artifacts;
using OnnxPriors.Data;
using OnnxPriors.Data.Arrays;
using OnnxPriors.Importing;
using OnnxPriors.Objectives;
using OnnxPriors.Onnx;
using OnnxPriors.Onnx.Protobuf;
using OnnxPriors.Priors;
using OnnxPriors.PyTorch;

namespace OnnxPriors.Fuzz;

/// <summary>A reader and the files it is fed.</summary>
/// <param name="Name">Its name, the end of kept files' names.</param>
/// <param name="Weight">How often it is drawn against the others.</param>
/// <param name="Make">A mutated file.</param>
/// <param name="Try">Reads it and does what the program would; errors other than the documented ones are failures.</param>
internal sealed record Target(string Name, int Weight, Func<Random, byte[]> Make, Action<byte[], Playground> Try);

/// <summary>What is fuzzed.</summary>
internal static class Targets
{
    private const long MaxCorpusBytes = 300_000;

    public static IReadOnlyList<Target> All(Options options)
    {
        ImmutableArray<byte[]> models =
        [
            .. SeedModels.All(),
            .. options.Corpus.SelectMany(folder => Directory.EnumerateFiles(folder, "*.onnx", SearchOption.AllDirectories)).Order(StringComparer.Ordinal)
                .Where(file => new FileInfo(file).Length < MaxCorpusBytes).Select(File.ReadAllBytes),
        ];
        ImmutableArray<byte[]> priors = [Written(path => PosteriorFile.Write(path, Prior()))];
        ImmutableArray<byte[]> arrays = [Written(path => NpzFile.Write(path, Arrays()))];
        ImmutableArray<byte[]> archives = [Archive()];
        ImmutableArray<byte[]> states = [Written(WriteState)];
        return
        [
            new("model.onnx", 16, random => Model(models, random), TryModel),
            new("prior.safetensors", 2, random => Bytes.Mutate(Pick(priors, random), random), TryPrior),
            new("state.pt", 2, random => Bytes.Mutate(Pick(states, random), random), TryState),
            new("data.npz", 1, random => Bytes.Mutate(Pick(arrays, random), random), TryData("data.npz")),
            new("data.zip", 1, random => Bytes.Mutate(Pick(archives, random), random), TryData("data.zip")),
        ];
    }

    private static byte[] Pick(ImmutableArray<byte[]> seeds, Random random) => seeds[random.Next(seeds.Length)];

    private static byte[] Model(ImmutableArray<byte[]> seeds, Random random)
    {
        var seed = Pick(seeds, random);
        if (random.Next(4) == 0)
            return Bytes.Mutate(seed, random);
        try
        {
            var model = ModelProto.Parser.ParseFrom(seed);
            Messages.Mutate(model, random, Playground.Secret);
            var bytes = model.ToByteArray();
            return random.Next(8) == 0 ? Bytes.Mutate(bytes, random, most: 2) : bytes;
        }
        catch (InvalidProtocolBufferException)
        {
            return seed;
        }
    }

    private static void TryModel(byte[] bytes, Playground place)
    {
        var path = place.PathOf("model.onnx");
        File.WriteAllBytes(path, bytes);
        var model = OnnxFile.Load(path);
        foreach (var value in model.Graph.Initializers)
            if (value.Data is { Bytes.Length: >= 8 } data && MemoryMarshal.Cast<byte, uint>(data.Bytes.Span[..8])[0] == Playground.Canary)
                throw new InvalidOperationException($"'{value.Name}' was read from outside of the model's folder.");
        var survey = ModelSurvey.Of(model);
        if (survey.Imported is { } imported)
            OnnxFile.Save(imported.ToModel(), place.PathOf("out.onnx"));
        else
            return;
        Attempt(() => ModelImporter.Import(model, new() { Form = ImportForm.NewHead, Classes = 3 }));
        Attempt(() =>
        {
            var own = ModelImporter.Import(model, new() { Form = ImportForm.OwnHead });
            GradientModel.Build(own.Graph, [.. own.Trainable.Select(t => t.Tensor)], new CrossEntropy());
        });

        static void Attempt(Action action)
        {
            try
            {
                action();
            }
            catch (OnnxPriorsException)
            {
                // The documented error; the other forms are tried all the same.
            }
        }
    }

    private static void TryPrior(byte[] bytes, Playground place)
    {
        var path = place.PathOf("prior.safetensors");
        File.WriteAllBytes(path, bytes);
        using (var reader = PosteriorReader.Open(path))
            PosteriorCheck.CheckValues(reader, path);
        _ = PosteriorFile.Read(path);
    }

    private static void TryState(byte[] bytes, Playground place)
    {
        var path = place.PathOf("state.pt");
        File.WriteAllBytes(path, bytes);
        using var state = StateDictionary.Open(path);
        foreach (var tensor in state.Tensors)
            _ = state.Read(tensor.Name);
    }

    private static void WriteState(string path) => TorchArchiveWriter.WriteDictionary(path,
        [(new("conv.weight", [2, 3]), (_, values) => values.Fill(1)), (new("bn.running_mean", [2]), (_, values) => values.Fill(2)), (new("bn.num_batches_tracked", []), null)]);

    private static Action<byte[], Playground> TryData(string name) => (bytes, place) =>
    {
        var path = place.PathOf(name);
        File.WriteAllBytes(path, bytes);
        using var data = DataSource.Open(path);
        _ = data.Fingerprint;
        _ = data.ClassNames.Count + data.Labels.Length + data.Splits.Length;
    };

    private static byte[] Written(Action<string> write)
    {
        var path = Path.GetTempFileName();
        try
        {
            write(path);
            return File.ReadAllBytes(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static Posterior Prior() => new(
        new PosteriorMetadata { Method = "swag", Rank = 2, Samples = 4, SourceSha256 = new string('a', 64) },
        [new("w", [3, 4], new float[12], [.. Enumerable.Repeat(1f, 12)], new float[24]), new("b", [3], new float[3], [1, 1, 1], new float[6])],
        [new("mean", [3], [0, 1, 2])]);

    private static Dictionary<string, NpzArray> Arrays() => new()
    {
        ["x"] = NpzArray.Of<float>(new float[24], 6, 4),
        ["y"] = NpzArray.Of<long>([0, 1, 2, 0, 1, 2], 6),
    };

    // Two classes of tiny pictures: a bitmap of one pixel is enough, for it is listed and not decoded.
    private static byte[] Archive()
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var name in (string[])["train/cat/1.png", "train/dog/2.png", "test/cat/3.png", "test/dog/4.png"])
            {
                using var entry = archive.CreateEntry(name).Open();
                entry.Write([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13]);
            }
        return stream.ToArray();
    }
}
