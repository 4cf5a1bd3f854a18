using System.Security.Cryptography;
using OnnxPriors.Data.Batches;
using OnnxPriors.Data.Corruptions;
using OnnxPriors.Data.Images;
using SkiaSharp;

namespace OnnxPriors.Data.Tests.Corruptions;

[TestClass]
public sealed class CorruptionTests
{
    private const int Side = 32, PictureCount = 8;

    [TestMethod]
    public void There_are_fifteen_kinds_of_five_strengths_and_each_reads_back_by_its_name()
    {
        Assert.HasCount(75, Corruption.All);
        foreach (var corruption in Corruption.All)
            Assert.AreEqual(corruption, Corruption.Parse(corruption.ToString()).Single());
        Assert.HasCount(5, Corruption.Parse("fog"));
        Assert.HasCount(75, Corruption.Parse("all"));
        foreach (var wrong in (string[])["rain", "fog:6", "fog:0", "fog:x", "fog:1:2", ""])
            Assert.ThrowsExactly<DataException>(() => Corruption.Parse(wrong), wrong);
    }

    [TestMethod]
    public void Each_changes_pictures_more_at_its_last_strength_than_at_its_first_and_all_together_more_with_each()
    {
        var total = new double[Corruption.Strengths];
        foreach (var kind in Corruption.All.GroupBy(corruption => corruption.Kind))
        {
            var distances = kind.Select(corruption => Enumerable.Range(0, PictureCount).Average(index => Distance(corruption, index))).ToArray();
            Assert.IsGreaterThan(0, distances[0], $"{kind.Key} changes nothing.");
            // The original's numbers make the affine part of the elastic one weaker as its waves grow; its weakest is not its nearest.
            if (kind.Key != CorruptionKind.ElasticTransform)
                Assert.IsGreaterThan(distances[0], distances[4], $"{kind.Key}: {string.Join(", ", distances)}");
            for (var i = 0; i < total.Length; i++)
                total[i] += distances[i];
        }
        Assert.IsTrue(total.Zip(total.Skip(1)).All(pair => pair.First < pair.Second), string.Join(", ", total));
    }

    [TestMethod]
    public void Noise_has_the_variance_it_names()
    {
        // A flat grey of 128, far from both ends: 3 · 32 · 32 · 8 values show a variance within 4 %, four standard errors.
        foreach (var (name, expected) in new[] { ("gaussian-noise:3", 0.08 * 0.08), ("shot-noise:3", 128 / 255.0 / 100) })
        {
            var values = Enumerable.Range(0, PictureCount).SelectMany(index => Flat(Corruption.Parse(name)[0], index)).ToList();
            var mean = values.Average();
            // Rounding down takes half a step off the mean.
            Assert.AreEqual(128 / 255.0, mean + (0.5 / 255), 2e-3, name);
            Assert.AreEqual(expected, values.Average(value => (value - mean) * (value - mean)), 0.04 * expected, name);
        }
        var impulses = Enumerable.Range(0, PictureCount).SelectMany(index => Flat(Corruption.Parse("impulse-noise:5")[0], index)).ToList();
        Assert.AreEqual(0.07, impulses.Average(value => value is 0 or 1 ? 1.0 : 0), 0.007);
    }

    [TestMethod]
    public void What_an_example_becomes_depends_on_seed_and_example_alone()
    {
        var source = Source();
        var one = Hash(source, threads: 1, seed: 3);
        Assert.AreEqual(one, Hash(source, threads: 4, seed: 3), "Threads change the pictures.");
        Assert.AreNotEqual(one, Hash(source, threads: 1, seed: 4), "The seed changes nothing.");
        var alone = Corrupted(Corruption.Parse("snow:3")[0], 7);
        Corrupted(Corruption.Parse("snow:3")[0], 6);
        CollectionAssert.AreEqual(alone, Corrupted(Corruption.Parse("snow:3")[0], 7));
        CollectionAssert.AreNotEqual(alone, Corrupted(Corruption.Parse("snow:3")[0], 8));
    }

    [TestMethod]
    public void Pictures_stay_what_they_were_from_one_version_to_the_next()
    {
        // Mean values of picture 0 at strength 3. Mathematical functions differ in their last digit between machines; a quarter of a step of 255 covers that.
        (CorruptionKind Kind, double Mean)[] known =
        [
            (CorruptionKind.GaussianNoise, 107.6), (CorruptionKind.ShotNoise, 107.418), (CorruptionKind.ImpulseNoise, 107.816),
            (CorruptionKind.DefocusBlur, 107.915), (CorruptionKind.GlassBlur, 107.668), (CorruptionKind.MotionBlur, 109.658),
            (CorruptionKind.ZoomBlur, 109.6), (CorruptionKind.Snow, 133.524), (CorruptionKind.Frost, 165.916), (CorruptionKind.Fog, 91.112),
            (CorruptionKind.Brightness, 132.864), (CorruptionKind.Contrast, 107.892), (CorruptionKind.ElasticTransform, 107.27),
            (CorruptionKind.Pixelate, 108.009), (CorruptionKind.JpegCompression, 107.984),
        ];
        var found = known.Select(one => Corrupted(new Corruption(one.Kind, 3), 0).Where((_, i) => i % 4 != 3).Average(value => (double)value)).ToList();
        for (var i = 0; i < known.Length; i++)
            Assert.AreEqual(known[i].Mean, found[i], 0.25, $"{known[i].Kind}: {string.Join(", ", found.Select(value => value.ToString("F3", System.Globalization.CultureInfo.InvariantCulture)))}");
    }

    [TestMethod]
    public void A_large_picture_is_reduced_first_and_any_shape_will_do()
    {
        using var folder = new TemporaryFolder();
        folder.Write("a/wide.png", Pictures.Png(900, 300, (x, y) => new SKColor((byte)x, (byte)y, 90)));
        folder.Write("a/line.png", Pictures.Png(9, 1, (x, _) => new SKColor((byte)(20 * x), 10, 90)));
        using var source = DataSource.Open(folder.Path);
        foreach (var corruption in Corruption.Parse("all").Where(one => one.Strength == 5))
        {
            var corrupted = new CorruptedDataset(source, corruption);
            var example = new Example();
            for (var index = 0; index < 2; index++)
            {
                // The reduction is the same for every kind; two of them show it.
                if (source.NameOf(index).Contains("wide", StringComparison.Ordinal) && corruption.Kind is not (CorruptionKind.Contrast or CorruptionKind.Fog))
                    continue;
                corrupted.Decode(index, example);
                Assert.AreEqual(source.NameOf(index).Contains("wide", StringComparison.Ordinal) ? (768, 256) : (9, 1), (example.Width, example.Height), corruption.ToString());
            }
        }
    }

    [TestMethod]
    public void Tensors_are_refused()
    {
        using var folder = new TemporaryFolder();
        folder.Write("table.csv", "a,b,label\n1,2,x\n3,4,y\n");
        using var source = DataSource.Open(folder["table.csv"]);
        Assert.Contains("pictures", Assert.ThrowsExactly<DataException>(() => new CorruptedDataset(source, Corruption.All[0])).Message);
    }

    private static string Hash(IDataset source, int threads, ulong seed)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var corruption in Corruption.All.Where(one => one.Strength == 4))
        {
            var stream = new BatchStream(DatasetView.All(new CorruptedDataset(source, corruption, seed)), new BatchOptions { BatchSize = 5, Threads = threads });
            foreach (var batch in stream.Read())
                using (batch)
                    hash.AppendData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(batch.Inputs.Span));
        }
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static IDataset Source()
    {
        using var folder = new TemporaryFolder();
        for (var i = 0; i < 12; i++)
        {
            var index = i;
            folder.Write($"c/{i}.png", Pictures.Png(Side, Side, (x, y) => Colour(x, y, index)));
        }
        var source = new CachedDataset(DataSource.Open(folder.Path));
        // Decoded once, so that the folder may go.
        foreach (var batch in new BatchStream(DatasetView.All(source)).Read())
            batch.Dispose();
        return source;
    }

    private static double Distance(Corruption corruption, int index)
    {
        var (before, after) = (Picture(index), Corrupted(corruption, index));
        return Enumerable.Range(0, before.Length).Average(i => Math.Pow((before[i] - after[i]) / 255.0, 2));
    }

    private static IEnumerable<double> Flat(Corruption corruption, int index)
    {
        var picture = Enumerable.Range(0, Side * Side * 4).Select(i => (byte)(i % 4 == 3 ? 255 : 128)).ToArray();
        corruption.Apply(picture, Side, Side, 1, index);
        return picture.Where((_, i) => i % 4 != 3).Select(value => value / 255.0);
    }

    private static byte[] Corrupted(Corruption corruption, int index)
    {
        var picture = Picture(index);
        corruption.Apply(picture, Side, Side, 1, index);
        return picture;
    }

    private static byte[] Picture(int index) =>
        [.. from y in Enumerable.Range(0, Side) from x in Enumerable.Range(0, Side) let colour = Colour(x, y, index) from value in new[] { colour.Red, colour.Green, colour.Blue, (byte)255 } select value];

    // Edges, stripes and a slope, as pictures have them.
    private static SKColor Colour(int x, int y, int index) => new(
        (byte)(60 + (((x / 4) + (y / 4) + index) % 2 * 120)), (byte)(40 + (5 * ((x + index) % 32))), (byte)(((x - 16) * (x - 16)) + ((y - 16) * (y - 16)) < 70 + (5 * index) ? 220 : 50));
}
