using OnnxPriors.Data.Batches;
using OnnxPriors.Data.Images;
using OnnxPriors.Testing;

namespace OnnxPriors.Data.Tests;

[TestClass]
[RequiresShared]
public sealed class RealDataTests
{
    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    [DataRow("imagenet-sample.zip", 1000, 1000, 0)]
    [DataRow("animals.zip", 80, 4, 0)]
    [DataRow("cifar10.zip", 25_000, 10, 5_000)]
    public void The_archives_open_with_their_classes_and_parts(string file, int count, int classes, int tests)
    {
        using var data = DataSource.Open(SharedFiles.Path("data/" + file));

        Assert.AreEqual(count, data.Count);
        Assert.HasCount(classes, data.ClassNames);
        Assert.AreEqual(tests, data.Splits.Count(split => split == DataSplit.Test));
        foreach (var group in data.Labels.GroupBy(label => label))
            Assert.HasCount(count / classes, group);
    }

    [TestMethod]
    public void ImageNets_classes_are_the_sorted_WordNet_ids()
    {
        using var data = DataSource.Open(SharedFiles.Path("data/imagenet-sample.zip"));

        Assert.AreEqual("n01440764", data.ClassNames[0]);
        Assert.AreEqual("n15075141", data.ClassNames[999]);
        Assert.EndsWith("goldfish.jpg", data.NameOf(data.Labels.IndexOf(1)));
    }

    [TestMethod]
    public void MNIST_opens_from_one_of_its_files()
    {
        using var data = DataSource.Open(SharedFiles.Path("data/mnist-t10k-labels-idx1-ubyte.gz"));

        Assert.AreEqual((10_000, 7), (data.Count, data.Labels[0]));
        var example = new Example();
        data.Decode(0, example);
        Assert.AreEqual((28, 28), (example.Width, example.Height));
    }

    /// <summary>
    /// The numbers come from Pillow 9.4 and NumPy: the short side to 256 (bilinear), the centre 224, ImageNet's mean and deviation.
    /// Single pixels may differ by two levels (decoder and rounding), 2 / 255 / 0.22; means by a hundredth of that.
    /// </summary>
    [TestMethod]
    [DataRow("cat/cat01.jpeg", 0.64480698, 0.12412182, -0.23546546, -0.1999, -1.388, -0.1312)]
    [DataRow("elephant/elephant04.jpeg", 0.35841104, 0.59389957, 0.21685505, 1.4098, 0.1877, -0.5321)]
    public void Preprocessing_for_ImageNet_agrees_with_torchvisions(
        string file, double red, double green, double blue, double first, double middle, double last)
    {
        using var data = DataSource.Open(SharedFiles.Path("data/animals.zip"));
        var index = Enumerable.Range(0, data.Count).Single(i => data.NameOf(i).EndsWith(file, StringComparison.Ordinal));
        var options = new BatchOptions { Preprocessing = Preprocessing.Preset("imagenet") };
        using var batch = new BatchStream(DatasetView.Of(data, [index]), options).Read(cancellation: TestContext.CancellationToken).Single();
        var inputs = batch.Inputs.Span.ToArray();

        const int Plane = 224 * 224;
        Assert.AreSequenceEqual([1L, 3, 224, 224], batch.Shape);
        Assert.AreEqual(red, inputs[..Plane].Average(), 5e-4);
        Assert.AreEqual(green, inputs[Plane..(2 * Plane)].Average(), 5e-4);
        Assert.AreEqual(blue, inputs[(2 * Plane)..].Average(), 5e-4);
        Assert.AreEqual(first, inputs[0], 0.036);
        Assert.AreEqual(middle, inputs[Plane + 100 * 224 + 50], 0.036);
        Assert.AreEqual(last, inputs[^1], 0.036);
    }
}
