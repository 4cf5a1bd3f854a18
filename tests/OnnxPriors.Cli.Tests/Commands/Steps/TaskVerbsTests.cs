using System.Globalization;
using System.Text.Json.Nodes;
using OnnxPriors.Cli.Commands;
using OnnxPriors.Data.Arrays;
using OnnxPriors.Graphs;
using OnnxPriors.Onnx;
using SkiaSharp;

namespace OnnxPriors.Cli.Tests.Commands.Steps;

/// <summary>The tasks other than classification, each from bake to an exported file that measures the same.</summary>
[TestClass]
public sealed class TaskVerbsTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("tasks").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    [DataRow("fcn")]
    [DataRow("aspp")]
    public void Pixels_are_segmented_measured_shown_and_exported(string head)
    {
        OnnxFile.Save(Convolutions(), In("source.onnx"));
        Scenes(In("scenes"));
        Json("bake", In("source.onnx"), "--task", "segmentation", "--segmentation-head", head, "--aspp-width", "8", "--classes", "2", "--ignore-index", "7", "--prior", "isotropic", "--scale", "0.1", "-o", In("step"));
        string[] data = ["--data", In("scenes"), "--preprocess", "unit"];
        var trained = Json(["train", In("step"), .. data, "-o", In("run"), "--epochs", "12", "--batch", "4", "--learning-rate", "0.2", "--clip-norm", "1", "--augment", "flip", "--best-by", "iou", "--threads", "1"]);
        Assert.AreEqual(8, trained["trainExamples"]!.GetValue<int>());

        var measured = Json(["evaluate", In("run"), .. data, "--overlays", In("pictures"), "--overlay-count", "2"]);
        Assert.AreEqual("test", measured["part"]!.GetValue<string>());
        Assert.IsGreaterThan(0.7, measured["segmentation"]!["meanIou"]!.GetValue<double>());
        Assert.HasCount(2, measured["segmentation"]!["classes"]!.AsArray());
        // Of 16 × 24 pixels one column does not count.
        Assert.AreEqual(3 * 16 * 23, measured["segmentation"]!["pixels"]!.GetValue<long>());

        var pictures = Directory.GetFiles(In("pictures")).Order(StringComparer.Ordinal).ToArray();
        Assert.HasCount(2, pictures);
        using var shown = SKBitmap.Decode(pictures[0]);
        Assert.AreEqual((3 * 24 + 8, 16), (shown.Width, shown.Height));
        using var given = SKBitmap.Decode(In("scenes/test/images/0.png"));
        for (var y = 0; y < 16; y++)
            for (var x = 0; x < 24; x++)
                Assert.AreEqual(given.GetPixel(x, y), shown.GetPixel(x, y));
        Assert.AreEqual(SKColors.Black, shown.GetPixel(24 + 4, 5));
        Assert.AreNotEqual(SKColors.Black, shown.GetPixel(24 + 4 + 1, 5));
        Assert.Contains("not empty", Refused(["evaluate", In("run"), .. data, "--overlays", In("pictures")]));

        Assert.IsLessThan(1e-5, Json("export", In("run"), "-o", In("model.onnx"))["maxAbsDifference"]!.GetValue<double>());
        var again = Json("evaluate", In("model.onnx"), "--data", In("scenes"));
        Assert.AreEqual(measured["segmentation"]!["meanIou"]!.GetValue<double>(), again["segmentation"]!["meanIou"]!.GetValue<double>(), 1e-6);
        Assert.AreEqual(measured["nll"]!.GetValue<double>(), again["nll"]!.GetValue<double>(), 1e-5);
    }

    [TestMethod]
    public void Several_labels_are_learnt_measured_and_exported()
    {
        var random = new Random(1);
        float[] x = [.. Enumerable.Range(0, 80 * 4).Select(_ => (float)(random.NextDouble() * 2 - 1))];
        long[] labels = [.. Enumerable.Range(0, 80).SelectMany(i => (long[])[x[i * 4] > 0 ? 1 : 0, x[i * 4 + 1] > 0.3 ? 1 : 0, x[i * 4 + 2] + x[i * 4 + 3] > 0 ? 1 : 0])];
        NpzFile.Write(In("data.npz"), [new("x", NpzArray.Of<float>(x, 80, 4)), new("labels", NpzArray.Of<long>(labels, 80, 3))]);
        OnnxFile.Save(Perceptron(), In("source.onnx"));
        Json("bake", In("source.onnx"), "--task", "multilabel", "--classes", "3", "--prior", "none", "-o", In("step"));
        Json("train", In("step"), "--data", In("data.npz"), "-o", In("run"), "--examples-per-class", "50", "--epochs", "60", "--batch", "10", "--learning-rate", "0.1");
        var measured = Json("evaluate", In("run"), "--data", In("data.npz"));
        Assert.AreEqual(30, measured["examples"]!.GetValue<int>());
        Assert.IsGreaterThan(0.85, measured["accuracy"]!.GetValue<double>());
        Assert.IsGreaterThan(0.9, measured["multiLabel"]!["meanAuroc"]!.GetValue<double>());
        Json("export", In("run"), "-o", In("model.onnx"));
        var (all, again) = (Json("evaluate", In("run"), "--data", In("data.npz"), "--split", "all"), Json("evaluate", In("model.onnx"), "--data", In("data.npz")));
        foreach (var number in (string[])["accuracy", "nll", "ece"])
            Assert.AreEqual(all[number]!.GetValue<double>(), again[number]!.GetValue<double>(), 1e-4, number);
        Assert.Contains("bake with --classes 3", Refused("train", Baked("multilabel", "2"), "--data", In("data.npz"), "-o", In("no")));
    }

    [TestMethod]
    public void Numbers_of_a_table_are_predicted_measured_and_exported()
    {
        var random = new Random(2);
        using (var table = File.CreateText(In("data.csv")))
        {
            table.WriteLine("a,b,price,c,d");
            for (var i = 0; i < 120; i++)
            {
                double[] row = [.. Enumerable.Range(0, 4).Select(_ => random.NextDouble() * 2 - 1)];
                var price = row[0] - 2 * row[1] + row[2] * row[3] + 0.1 * (random.NextDouble() - 0.5);
                table.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{row[0]},{row[1]},{price},{row[2]},{row[3]}"));
            }
        }
        OnnxFile.Save(Perceptron(), In("source.onnx"));
        Json("bake", In("source.onnx"), "--task", "regression", "--noise-deviation", "0.2", "--classes", "1", "--prior", "zero", "--scale", "1", "-o", In("step"));
        string[] data = ["--data", In("data.csv"), "--label-column", "price"];
        var trained = Json(["train", In("step"), .. data, "-o", In("run"), "--validation", "0.2", "--epochs", "60", "--batch", "16", "--learning-rate", "0.01", "--clip-norm", "10"]);
        Assert.IsNull(trained["epochs"]![0]!["trainAccuracy"]);
        var measured = Json(["evaluate", In("run"), .. data, "--split", "validation"]);
        Assert.IsGreaterThan(0.8, measured["regression"]!["r2"]!.GetValue<double>());
        Assert.IsNull(measured["accuracy"]);
        Json("export", In("run"), "-o", In("model.onnx"));
        var again = Json(["evaluate", In("model.onnx"), .. data]);
        Assert.AreEqual(Json(["evaluate", In("run"), .. data, "--split", "all"])["regression"]!["rmse"]!.GetValue<double>(), again["regression"]!["rmse"]!.GetValue<double>(), 1e-5);
        Assert.Contains("--best-by accuracy", Refused(["train", In("step"), .. data, "-o", In("no"), "--best-by", "accuracy"]));
    }

    [TestMethod]
    public void Ids_of_tokens_train_an_encoder_of_text()
    {
        var b = new GraphBuilder();
        var ids = b.Input("ids", ElementType.Int64, [Dimension.Symbolic("batch"), 5]);
        var words = b.Gather(b.Parameter("words", Draw(1, 12, 6)), ids, 0);
        var hidden = b.Tanh(b.MatMul(b.ReduceMean(words, [1], keep: false), b.Parameter("w1", Draw(2, 6, 8))));
        OnnxFile.Save(Model.Canonical(b.Build([("scores", b.MatMul(hidden, b.Parameter("w2", Draw(3, 8, 3))))])), In("source.onnx"));
        var random = new Random(4);
        long[] x = [.. Enumerable.Range(0, 60 * 5).Select(i => (long)(i / 5 % 2 == 0 ? random.Next(6) : 6 + random.Next(6)))];
        NpzFile.Write(In("data.npz"), [new("x", NpzArray.Of<long>(x, 60, 5)), new("y", NpzArray.Of<long>([.. Enumerable.Range(0, 60).Select(i => (long)(i % 2))], 60))]);
        File.WriteAllLines(In("data.csv"), Enumerable.Range(0, 60).Select(i => $"{string.Join(',', x.AsSpan(i * 5, 5).ToArray())},{i % 2}").Prepend("a,b,c,d,e,label"));
        Json("bake", In("source.onnx"), "--classes", "2", "--prior", "none", "-o", In("step"));
        Json("train", In("step"), "--data", In("data.npz"), "-o", In("run"), "--epochs", "30", "--batch", "10", "--learning-rate", "0.2");
        var measured = Json("evaluate", In("run"), "--data", In("data.npz"));
        Assert.IsGreaterThan(0.95, measured["accuracy"]!.GetValue<double>());
        Assert.AreEqual(measured["nll"]!.GetValue<double>(), Json("evaluate", In("run"), "--data", In("data.csv"))["nll"]!.GetValue<double>(), 1e-6);
        File.WriteAllText(In("half.csv"), "a,b,c,d,e,label\n1,2,3.5,4,5,0\n");
        Assert.Contains("has 3.5 in example 0, and the model takes whole numbers", Refused("evaluate", In("run"), "--data", In("half.csv")));
    }

    [TestMethod]
    [DataRow("--task regression --ignore-index 3", "--ignore-index goes with --task segmentation, not with regression")]
    [DataRow("--noise-deviation 2", "--noise-deviation goes with --task regression, not with classification")]
    [DataRow("--task segmentation --class-weights 1,-2", "'-2' in --class-weights")]
    [DataRow("--task segmentation", "no map [N, F, h, w] of several places")]
    [DataRow("--task multilabel --target both", "bake with --target step")]
    [DataRow("--task regression --noise-deviation 0", "must be above 0")]
    public void A_task_that_does_not_go_with_model_or_settings_is_refused(string options, string words)
    {
        OnnxFile.Save(Perceptron(), In("source.onnx"));
        Assert.Contains(words, Refused(["bake", In("source.onnx"), "--classes", "3", "--prior", "none", "-o", In("step"), .. options.Split(' ')]));
        Assert.IsFalse(Directory.Exists(In("step")));
    }

    private string Baked(string task, string classes)
    {
        Json("bake", In("source.onnx"), "--task", task, "--classes", classes, "--prior", "none", "-o", In($"{task}{classes}"));
        return In($"{task}{classes}");
    }

    // Pictures that are bright on one side; the first column does not count.
    private static void Scenes(string path)
    {
        foreach (var (part, count) in ((string, int)[])[("train", 8), ("val", 3), ("test", 3)])
        {
            Directory.CreateDirectory(Path.Combine(path, part, "images"));
            Directory.CreateDirectory(Path.Combine(path, part, "masks"));
            for (var i = 0; i < count; i++)
            {
                var edge = 6 + (i * 5 + part.Length) % 12;
                using var picture = new SKBitmap(new SKImageInfo(24, 16, SKColorType.Rgba8888, SKAlphaType.Opaque));
                using var mask = new SKBitmap(new SKImageInfo(24, 16, SKColorType.Gray8, SKAlphaType.Opaque));
                for (var y = 0; y < 16; y++)
                    for (var x = 0; x < 24; x++)
                    {
                        picture.SetPixel(x, y, x < edge ? new SKColor(20, 40, (byte)(3 * y)) : new SKColor(230, 200, (byte)(3 * y)));
                        mask.GetPixelSpan()[y * mask.RowBytes + x] = (byte)(x == 0 ? 7 : x < edge ? 0 : 1);
                    }
                Write(picture, Path.Combine(path, part, "images", $"{i}.png"));
                Write(mask, Path.Combine(path, part, "masks", $"{i}.png"));
            }
        }

        static void Write(SKBitmap bitmap, string file)
        {
            using var stream = File.Create(file);
            bitmap.Encode(stream, SKEncodedImageFormat.Png, 100);
        }
    }

    private static Model Convolutions()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 3, 16, 24]);
        var window = Attributes.None.With("kernel_shape", (long[])[3, 3]).With("pads", (long[])[1, 1, 1, 1]).With("strides", (long[])[2, 2]);
        var maps = b.Relu(b.Conv(x, b.Parameter("w1", Draw(1, 8, 3, 3, 3)), b.Parameter("b1", Draw(2, 8)), window));
        return Model.Canonical(b.Build([("scores", b.MatMul(b.Flatten(b.GlobalAveragePool(maps)), b.Parameter("w2", Draw(3, 8, 5))))]));
    }

    private static Model Perceptron()
    {
        var b = new GraphBuilder();
        var x = b.Input("x", ElementType.Float, [Dimension.Symbolic("batch"), 4]);
        var hidden = b.Tanh(b.MatMul(x, b.Parameter("w1", Draw(1, 4, 16))) + b.Parameter("b1", Draw(2, 16)));
        return Model.Canonical(b.Build([("scores", b.MatMul(hidden, b.Parameter("w2", Draw(3, 16, 5))))]));
    }

    private static TensorData Draw(int seed, params long[] shape)
    {
        var random = new Random(seed);
        return TensorData.Of([.. Enumerable.Range(0, (int)shape.Aggregate(1L, (p, d) => p * d)).Select(_ => (float)(random.NextDouble() * 2 - 1))], [.. shape]);
    }

    private string In(string name) => Path.Combine(folder, name);

    private static JsonNode Json(params string[] words)
    {
        var (code, output, error) = Run([.. words, "--json"]);
        Assert.AreEqual(ExitCode.Done, code, error);
        return JsonNode.Parse(output)!;
    }

    private static string Refused(params string[] words)
    {
        var (code, output, error) = Run(words);
        Assert.AreEqual(ExitCode.BadInput, code, error);
        Assert.AreEqual("", output);
        return error;
    }

    private static (int Code, string Output, string Error) Run(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        return (CommandLine.Run(args, output, error), output.ToString(), error.ToString());
    }
}
