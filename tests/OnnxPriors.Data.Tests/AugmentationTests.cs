using OnnxPriors.Data.Arrays;
using OnnxPriors.Data.Batches;
using OnnxPriors.Data.Tests.Batches;

namespace OnnxPriors.Data.Tests;

[TestClass]
public sealed class AugmentationTests : IDisposable
{
    private const int Side = 8;
    private const int Examples = 400;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Half_the_pictures_are_mirrored_and_the_others_left(bool pixels)
    {
        using var data = Numbered(pixels);
        var inputs = Augmented(data, new Augmentation { Flip = true }, 0);
        var mirrored = 0;
        foreach (var picture in inputs.Chunk(Side * Side))
        {
            var left = picture[0] == 0;
            mirrored += left ? 0 : 1;
            for (var y = 0; y < Side; y++)
                for (var x = 0; x < Side; x++)
                    Assert.AreEqual(y * Side + (left ? x : Side - 1 - x), picture[y * Side + x], 1e-4);
        }
        // Four standard deviations of a fair coin thrown 400 times.
        Assert.AreEqual(Examples / 2, mirrored, 40);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void A_padded_crop_moves_by_every_distance_and_lets_black_in(bool pixels)
    {
        using var data = Numbered(pixels);
        var inputs = Augmented(data, new Augmentation { Crop = CropAugmentation.Padded, Padding = 2 }, 0);
        var moves = new HashSet<(int, int)>();
        foreach (var picture in inputs.Chunk(Side * Side))
        {
            var centre = (int)Math.Round(picture[4 * Side + 4]);
            var (dx, dy) = (centre % Side - 4, centre / Side - 4);
            moves.Add((dx, dy));
            for (var y = 0; y < Side; y++)
                for (var x = 0; x < Side; x++)
                {
                    var inside = x + dx is >= 0 and < Side && y + dy is >= 0 and < Side;
                    Assert.AreEqual(inside ? (y + dy) * Side + x + dx : 0, picture[y * Side + x], 1e-4);
                }
        }
        Assert.HasCount(25, moves);
    }

    [TestMethod]
    public void A_resized_crop_shows_a_part_of_the_area_asked_for()
    {
        using var data = Numbered(pixels: true);
        var inputs = Augmented(data, new Augmentation { Crop = CropAugmentation.Resized, SmallestArea = 0.25 }, 0);
        var widths = new List<double>();
        foreach (var picture in inputs.Chunk(Side * Side))
        {
            Assert.IsTrue(picture.All(value => value is >= -1e-4f and <= Side * Side - 1 + 1e-4f));
            // The inner pixels of a row run from x₀ to x₁ at w/8 a step.
            var slope = (picture[3 * Side + 5] - picture[3 * Side + 2]) / 3 * Side;
            widths.Add(slope);
        }
        Assert.IsLessThan(4.6, widths.Min(), "a quarter of the area is 4 pixels wide, give or take its proportions");
        Assert.IsGreaterThan(7.4, widths.Max());
        Assert.IsGreaterThan(3.0, widths.Min());
    }

    [TestMethod]
    public void Changes_depend_on_seed_epoch_and_example()
    {
        using var data = Numbered(pixels: true);
        var augmentation = new Augmentation { Crop = CropAugmentation.Padded, Flip = true };

        var first = Augmented(data, augmentation, 0);

        Assert.AreSequenceEqual(first, Augmented(data, augmentation, 0));
        Assert.IsFalse(first.SequenceEqual(Augmented(data, augmentation, 1)));
        Assert.IsFalse(first.SequenceEqual(Augmented(data, augmentation, 0, seed: 1)));
    }

    private static float[] Augmented(IDataset data, Augmentation augmentation, int epoch, ulong seed = 0)
    {
        var preprocessing = Preprocessing.Preset("byte").FittedTo(1, Side, Side);
        var options = new BatchOptions { BatchSize = 64, Preprocessing = preprocessing, Augmentation = augmentation, Seed = seed };
        return [.. BatchStreamTests.Copies(new BatchStream(DatasetView.All(data), options), epoch).SelectMany(batch => batch.Inputs)];
    }

    /// <summary>Every example is the numbers 0 to 63, so that a pixel tells where it comes from.</summary>
    private IDataset Numbered(bool pixels)
    {
        var numbers = Enumerable.Range(0, Examples * Side * Side).Select(i => i % (Side * Side)).ToArray();
        var x = pixels
            ? NpzArray.Of<byte>(Array.ConvertAll(numbers, value => (byte)value), Examples, Side, Side)
            : NpzArray.Of<float>(Array.ConvertAll(numbers, value => (float)value), Examples, Side, Side);
        NpzFile.Write(folder["n.npz"], [new("x", x), new("y", NpzArray.Of<long>(new long[Examples], Examples))]);
        return DataSource.Open(folder["n.npz"]);
    }
}
