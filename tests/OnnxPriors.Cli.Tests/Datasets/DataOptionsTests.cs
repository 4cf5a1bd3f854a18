using System.CommandLine;
using OnnxPriors.Cli.Datasets;
using OnnxPriors.Data;
using OnnxPriors.Data.Arrays;
using OnnxPriors.Data.Batches;

namespace OnnxPriors.Cli.Tests.Datasets;

[TestClass]
public sealed class DataOptionsTests : IDisposable
{
    private static readonly long?[] AnyPicture = [null, 3, null, null];

    private readonly string folder = Directory.CreateTempSubdirectory("onnxpriors-cli-").FullName;

    public TestContext TestContext { get; set; } = null!;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    public void A_preset_goes_before_the_models_metadata_and_single_options_before_both()
    {
        var metadata = Preprocessing.Preset("lite").ToJson();

        Assert.AreEqual(Preprocessing.Preset("lite"), Prepared("", metadata));
        Assert.AreEqual(Preprocessing.Preset("imagenet"), Prepared("--preprocess imagenet", metadata));
        Assert.AreEqual(
            Preprocessing.Preset("imagenet") with { Channels = ChannelOrder.Bgr, Mean = [0.5f, 0.5f, 0.5f], Crop = CropMode.None },
            Prepared("--preprocess imagenet --channels bgr --mean 0.5,0.5,0.5 --crop none", metadata));
    }

    [TestMethod]
    public void The_model_decides_channels_and_size()
    {
        Assert.AreEqual(
            new Preprocessing { Size = new ImageSize(32, 32), Mean = [0.5f, 0.5f, 0.5f], Deviation = [0.5f, 0.5f, 0.5f] },
            Prepared("--preprocess unit --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5", null, [null, 3, 32, 32]));
        Assert.AreEqual(ChannelOrder.Gray, Prepared("--preprocess byte", null, [1, 1, 28, 28]).Channels);
        Assert.AreEqual(new ImageSize(96, 96), Prepared("--preprocess imagenet --image-size 96").Size);
        Assert.AreEqual(110, Prepared("--preprocess imagenet --image-size 96").Resize);
        Assert.IsNull(Prepared("--preprocess imagenet --resize 0").Resize);
    }

    [TestMethod]
    public void What_does_not_fit_is_refused()
    {
        Assert.Contains("Nothing says how", Refused(""));
        Assert.Contains("no preprocessing preset 'vgg'", Refused("--preprocess vgg"));
        Assert.Contains("does not fit the model", Refused("--preprocess unit --image-size 64", [null, 3, 32, 32]));
        Assert.Contains("2 values for 'mean'", Refused("--preprocess unit --mean 1,2"));
        Assert.Contains("2 axes", Refused("--preprocess unit", [null, 4]));

        string Refused(string options, long?[]? input = null) =>
            Assert.ThrowsExactly<DataException>(() => Prepared(options, null, input)).Message;
    }

    [TestMethod]
    [DataRow("--mean 1,x,3")]
    [DataRow("--channels cmyk")]
    [DataRow("--image-size big")]
    [DataRow("--augment cutout")]
    [DataRow("--split some")]
    public void Values_that_make_no_sense_are_errors_of_usage(string options) => Assert.IsNotEmpty(Parse(options).Parsed.Errors);

    [TestMethod]
    public void The_part_to_measure_on_is_the_test_data_where_there_is_any()
    {
        NpzFile.Write(Path.Combine(folder, "divided.npz"), [.. Arrays("_train", 6), .. Arrays("_test", 4)]);
        NpzFile.Write(Path.Combine(folder, "whole.npz"), Arrays("", 5));

        Assert.AreEqual(4, Measured("divided", ""));
        Assert.AreEqual(6, Measured("divided", "--split train"));
        Assert.AreEqual(10, Measured("divided", "--split all"));
        Assert.AreEqual(5, Measured("whole", ""));
        Assert.ThrowsExactly<DataException>(() => Measured("whole", "--split validation"));

        int Measured(string file, string options)
        {
            var settings = Read(options) with { Path = Path.Combine(folder, file + ".npz") };
            using var source = settings.Open();
            return settings.Measured(source).Count;
        }
    }

    [TestMethod]
    public void A_stream_serves_the_runtime_and_the_fit_alike()
    {
        NpzFile.Write(Path.Combine(folder, "whole.npz"), Arrays("", 5));
        var settings = Read("--examples-per-class 2") with { Path = Path.Combine(folder, "whole.npz") };
        using var source = settings.Open();
        var options = new BatchOptions { BatchSize = 3 };
        var stream = new BatchStream(settings.Split(source, 1).Train, options);

        var runtime = new StreamSource(stream, options, "input");
        Assert.AreEqual((4, 3), (runtime.ExampleCount, runtime.BatchSize));
        Assert.AreEqual(stream.Fingerprint(), runtime.Fingerprint);
        var sizes = new List<(string?, int, long)>();
        foreach (var batch in runtime.Read(0, 0, TestContext.CancellationToken))
            sizes.Add((batch.Inputs[0].Name, batch.Count, batch.Inputs[0].Shape[0]));
        Assert.AreSequenceEqual([("input", 3, 3L), ("input", 1, 1L)], sizes);

        var fit = new List<(int, int)>();
        foreach (var batch in new StreamBatches(stream, TestContext.CancellationToken).Epoch(0))
            fit.Add((batch.Labels.Length, batch.Values.Length));
        Assert.AreSequenceEqual([(3, 6), (1, 2)], fit);
    }

    private static KeyValuePair<string, NpzArray>[] Arrays(string suffix, int count) =>
    [
        new("x" + suffix, NpzArray.Of<float>(new float[2 * count], count, 2)),
        new("y" + suffix, NpzArray.Of<long>([.. Enumerable.Range(0, count).Select(i => (long)(i % 2))], count)),
    ];

    private static Preprocessing Prepared(string options, string? metadata = null, long?[]? input = null) =>
        Read(options).PreprocessingFor(metadata, input ?? AnyPicture);

    private static DataSettings Read(string options)
    {
        var (data, parsed) = Parse(options);
        Assert.IsEmpty(parsed.Errors);
        return data.Read(parsed);
    }

    private static (DataOptions Data, ParseResult Parsed) Parse(string options)
    {
        var data = new DataOptions(DataUse.Train | DataUse.Measure);
        var command = new RootCommand();
        data.AddTo(command);
        return (data, command.Parse(["--data", "somewhere", .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)]));
    }
}
