using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using OnnxPriors.Cli.Commands;
using OnnxPriors.Data.Arrays;
using OnnxPriors.Graphs;
using OnnxPriors.Importing;
using OnnxPriors.Onnx;
using OnnxPriors.Priors;
using OnnxPriors.Testing;
using SkiaSharp;

namespace OnnxPriors.Cli.Tests.BadInput;

/// <summary>
/// A folder of sound things to spoil: <c>model.onnx</c>, a perceptron of 4 inputs and 5 classes, <c>data.csv</c> of 3 classes for it,
/// <c>batch.npz</c>, and <c>prior.safetensors</c>. In a command line, <c>@name</c> is that name in the folder and <c>@@name</c> one of the
/// repository's <c>models</c>.
/// </summary>
internal sealed class Workbench : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("onnxpriors-bad-").FullName;

    public Workbench()
    {
        OnnxFile.Save(Perceptron(1), this["model.onnx"]);
        File.WriteAllLines(this["data.csv"], Rows(["aster", "bellis", "crocus"]));
        NpzFile.Write(this["batch.npz"], [
            new("x", NpzArray.Of(Enumerable.Range(0, 12).Select(i => i / 12f).ToArray(), 3, 4)),
            new("labels", NpzArray.Of(new long[] { 0, 4, 2 }, 3))]);
        WritePrior("prior.safetensors");
    }

    /// <summary>The full path of a name in the folder.</summary>
    public string this[string name] => Path.Combine(folder, name);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>The words of a command line.</summary>
    public string[] Words(string line) =>
    [
        .. line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word =>
            word.StartsWith("@@", StringComparison.Ordinal) ? Path.Combine(SharedFiles.Checkout, "models", word[2..])
            : word.StartsWith('@') ? this[word[1..]] : word),
    ];

    /// <summary>Runs a command line that must do its work.</summary>
    public string Done(string line)
    {
        var (code, output, error) = Run(line);
        Assert.AreEqual(ExitCode.Done, code, error);
        return output;
    }

    /// <summary>Runs a command line that must be refused: one message with all the words, nothing on the standard output, and no file made, changed or lost.</summary>
    public string Refused(string line, params string[] words) => Ended(ExitCode.BadInput, line, words);

    /// <summary>Runs a command line that must end in an error, as <see cref="Refused"/>.</summary>
    public string Ended(int expected, string line, params string[] words)
    {
        var before = Contents();
        var (code, output, error) = Run(line);
        Assert.AreEqual(expected, code, $"{line}\n{error}");
        Assert.AreEqual("", output, line);
        IsOneMessage(error, line);
        foreach (var word in words)
            Assert.Contains(word.StartsWith('@') ? this[word[1..]] : word, error, line);
        Assert.AreEqual(before, Contents(), $"What lay there changed: {line}");
        return error;
    }

    /// <summary>Whether an error is one message for people.</summary>
    public static void IsOneMessage(string error, string line)
    {
        Assert.StartsWith("error: ", error, line);
        Assert.HasCount(2, error.Split("error: "), $"{line}\n{error}");
        foreach (var inner in (string[])["   at ", "Exception", "warning:", "not foreseen", ".partial"])
            Assert.DoesNotContain(inner, error, $"{line}\n{error}");
        Assert.IsGreaterThan("error: ".Length + 20, error.Length, $"{line}: {error}");
    }

    public (int Code, string Output, string Error) Run(string line)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        return (CommandLine.Run([.. Words(line), "--quiet"], output, error), output.ToString(), error.ToString());
    }

    /// <summary>Every file and folder with its bytes' hash.</summary>
    public string Contents() => string.Join('\n', Directory.EnumerateFileSystemEntries(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
        .Order(StringComparer.Ordinal)
        .Select(path => Directory.Exists(path) ? path + "/" : $"{path} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)))}"));

    /// <summary>Bakes <c>step</c> from the perceptron, for 3 classes.</summary>
    public void Bake(string optimizer = "sgd") => Done($"bake @model.onnx --prior isotropic --classes 3 -o @step --optimizer {optimizer}");

    /// <summary>Replaces a text in a file by one of the same length.</summary>
    public void Patch(string name, string from, string to)
    {
        Assert.AreEqual(from.Length, to.Length);
        var text = Encoding.Latin1.GetString(File.ReadAllBytes(this[name]));
        Assert.Contains(from, text);
        File.WriteAllBytes(this[name], Encoding.Latin1.GetBytes(text.Replace(from, to, StringComparison.Ordinal)));
    }

    /// <summary>A perceptron whose weights the seed draws.</summary>
    public static Model Perceptron(int seed, int hiddenUnits = 16, string head = "head")
    {
        var random = new Random(seed);
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 4]);
        var hidden = b.Relu(b.Gemm(x, Weights("hidden.weight", 4, hiddenUnits), Weights("hidden.bias", hiddenUnits)));
        return Model.Canonical(b.Build([("scores", b.Gemm(hidden, Weights($"{head}.weight", hiddenUnits, 5), Weights($"{head}.bias", 5)))]));

        Value Weights(string name, params long[] shape) => b.Parameter(
            name, TensorData.Of([.. Enumerable.Range(0, (int)shape.Aggregate((p, q) => p * q)).Select(_ => (float)(random.NextDouble() - 0.5))], [.. shape]));
    }

    /// <summary>A prior of rank 2 for a model, its parameters all of mean 1, diagonal 0.5 and factor 0.1; its values may be changed on the way.</summary>
    public void WritePrior(string name, string model = "model.onnx", Action<PosteriorTensor>? change = null)
    {
        var imported = ModelImporter.Import(OnnxFile.Load(this[model]), new ImportOptions { Form = ImportForm.OwnHead });
        PosteriorTensor[] tensors = [.. imported.Trainable.Select(t => new PosteriorTensor(
            t.Name, [.. t.Tensor.Data!.Dimensions], Constant(t.Count, 1), Constant(t.Count, 0.5f), Constant(2 * t.Count, 0.1f)))];
        foreach (var tensor in tensors)
            change?.Invoke(tensor);
        PosteriorFile.Write(this[name], new Posterior(
            new PosteriorMetadata { Method = "swag", Rank = 2, Samples = 4, SourceSha256 = imported.Source.Sha256 }, [.. tensors]));

        static float[] Constant(long count, float value) => [.. Enumerable.Repeat(value, (int)count)];
    }

    /// <summary>Pictures of 8 × 8 grey pixels.</summary>
    public static byte[] Picture(byte grey, SKEncodedImageFormat format = SKEncodedImageFormat.Jpeg)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(8, 8, SKColorType.Gray8, SKAlphaType.Opaque));
        bitmap.Erase(new SKColor(grey, grey, grey));
        using var data = bitmap.Encode(format, 90);
        return data.ToArray();
    }

    public void Write(string name, byte[] bytes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(this[name])!);
        File.WriteAllBytes(this[name], bytes);
    }

    public void Zip(string name, params (string Name, byte[] Bytes)[] files)
    {
        using var archive = ZipFile.Open(this[name], ZipArchiveMode.Create);
        foreach (var (file, bytes) in files)
        {
            using var stream = archive.CreateEntry(file).Open();
            stream.Write(bytes);
        }
    }

    /// <summary>A table of 60 rows of 4 numbers; the class moves the numbers.</summary>
    public static IEnumerable<string> Rows(string[] classes)
    {
        var random = new Random(3);
        return Enumerable.Range(0, 60).Select(i =>
        {
            var numbers = Enumerable.Range(0, 4).Select(j => ((i % classes.Length == j ? 1.5 : 0) + random.NextDouble()).ToString("F4", CultureInfo.InvariantCulture));
            return $"{string.Join(',', numbers)},{classes[i % classes.Length]}";
        }).Prepend("a,b,c,d,label").ToList();
    }
}
