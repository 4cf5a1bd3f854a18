using OnnxPriors.Data.Arrays;
using OnnxPriors.Data.Batches;
using OnnxPriors.Data.Images;

namespace OnnxPriors.Data.Tests;

[TestClass]
public sealed class ColourAugmentationTests : IDisposable
{
    private const int Side = 8, Examples = 300;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    public void Two_views_of_an_example_stand_half_a_batch_apart_and_differ()
    {
        using var data = Coloured();
        var stream = Views(data, 7, batch: 10);
        using var batch = stream.Read().First();

        Assert.AreSequenceEqual(new long[] { 20, 3, Side, Side }, batch.Shape);
        Assert.AreSequenceEqual(batch.Examples.Take(10).ToArray(), batch.Examples.Skip(10).ToArray());
        Assert.AreSequenceEqual(batch.Labels[..10], batch.Labels[10..]);
        var half = batch.Inputs.Length / 2;
        Assert.IsFalse(batch.Inputs.Span[..half].SequenceEqual(batch.Inputs.Span[half..]));
    }

    [TestMethod]
    public void The_seed_the_epoch_and_the_example_decide_a_view_whatever_the_threads_do()
    {
        using var data = Coloured();
        Assert.AreSequenceEqual(All(data, 7, threads: 1), All(data, 7, threads: 3));
        Assert.AreNotSequenceEqual(All(data, 7, threads: 1), All(data, 8, threads: 1));
        Assert.AreNotSequenceEqual(All(data, 7, threads: 1), All(data, 7, threads: 1, epoch: 1));
        Assert.AreNotEqual(Views(data, 7).Fingerprint(), new BatchStream(DatasetView.All(data), new BatchOptions { Augmentation = Augmentation.Views, Seed = 7 }).Fingerprint());
    }

    [TestMethod]
    public void A_fifth_of_the_views_are_grey()
    {
        using var data = Coloured();
        var grey = All(data, 3, threads: 2).Chunk(3 * Side * Side).Count(view => Enumerable.Range(0, Side * Side).All(i => view[i] == view[i + Side * Side]));
        // Four standard deviations of 600 draws at a fifth.
        Assert.AreEqual(2 * Examples / 5, grey, 40);
    }

    [TestMethod]
    public void Without_any_change_of_colour_a_view_is_the_picture()
    {
        using var data = Coloured();
        var plain = new Augmentation { Colour = new ColourAugmentation { JitterShare = 0, GreyShare = 0, BlurShare = 0 } };
        foreach (var preset in (string[])["imagenet", "caffe2-bgr", "byte"])
        {
            var preprocessing = Preprocessing.Preset(preset).WithSize(Side, Side);
            Assert.AreEqual(0, Read(plain, preprocessing).Zip(Read(Augmentation.None, preprocessing)).Max(pair => Math.Abs(pair.First - pair.Second)), 1e-4);
        }

        float[] Read(Augmentation augmentation, Preprocessing preprocessing)
        {
            using var batch = new BatchStream(DatasetView.All(data), new BatchOptions { Augmentation = augmentation, Preprocessing = preprocessing }).Read().First();
            return batch.Inputs.ToArray();
        }
    }

    [TestMethod]
    public void Colours_change_as_their_definitions_say()
    {
        Assert.AreSequenceEqual(new[] { 0.4f, 0.6f, 1 }, Changed(rgb => ColourChange.Brightness(rgb, 2)), Near);
        const float Luma = 0.299f * 0.2f + 0.587f * 0.3f + 0.114f * 0.5f;
        Assert.AreSequenceEqual(new[] { Luma, Luma, Luma }, Changed(rgb => ColourChange.Saturation(rgb, 0)), Near);
        Assert.AreSequenceEqual(new[] { Luma, Luma, Luma }, Changed(rgb => ColourChange.Grey(rgb)), Near);
        // One pixel is its own mean.
        Assert.AreSequenceEqual(new[] { Luma, Luma, Luma }, Changed(rgb => ColourChange.Contrast(rgb, 0)), Near);
        // A third of the circle hands each channel on to the next.
        Assert.AreSequenceEqual(new[] { 0.5f, 0.2f, 0.3f }, Changed(rgb => ColourChange.Hue(rgb, 1.0 / 3)), Near);
        Assert.AreSequenceEqual(new[] { 0.2f, 0.3f, 0.5f }, Changed(rgb => ColourChange.Hue(rgb, 1)), Near);

        static float[] Changed(Action<float[]> change)
        {
            float[] rgb = [0.2f, 0.3f, 0.5f];
            change(rgb);
            return rgb;
        }
    }

    [TestMethod]
    public void A_blur_keeps_what_is_even_and_spreads_a_point_by_its_Gaussian()
    {
        const int Size = 41;
        var rgb = new float[3 * Size * Size];
        rgb.AsSpan(0, Size * Size).Fill(0.5f);
        rgb[Size * Size + 20 * Size + 20] = 1;
        ColourChange.Blur(rgb, Size, Size, 1.5, new float[Size * Size]);
        Assert.AreEqual(0.5, rgb[..(Size * Size)].Min(), 1e-6);
        double[] kernel = [.. Enumerable.Range(-2, 5).Select(k => Math.Exp(-k * k / 4.5))];
        for (var dy = -3; dy <= 3; dy++)
            for (var dx = -3; dx <= 3; dx++)
                Assert.AreEqual(
                    Math.Abs(dx) > 2 || Math.Abs(dy) > 2 ? 0 : kernel[dx + 2] * kernel[dy + 2] / Math.Pow(kernel.Sum(), 2),
                    rgb[Size * Size + (20 + dy) * Size + 20 + dx], 1e-6);
    }

    [TestMethod]
    public void Pictures_without_class_folders_are_read_where_labels_do_not_count()
    {
        var picture = SkiaSharp.SKImage.Create(new SkiaSharp.SKImageInfo(4, 4)).Encode().ToArray();
        foreach (var name in (string[])["a.png", "deep/er/b.png", "train/c.png"])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder[$"loose/{name}"])!);
            File.WriteAllBytes(folder[$"loose/{name}"], picture);
        }
        Assert.ThrowsExactly<DataException>(() => DataSource.Open(folder["loose"]).Dispose());
        using var data = DataSource.Open(folder["loose"], new DataSourceOptions { Unlabelled = true });
        Assert.AreEqual(3, data.Count);
        Assert.AreEqual(1, data.Splits.Count(split => split == DataSplit.Train));
        Assert.HasCount(1, data.ClassNames);
    }

    [TestMethod]
    public void Settings_out_of_range_and_tensors_are_refused()
    {
        using var data = Coloured();
        foreach (var colour in (ColourAugmentation[])[new() { Strength = 2 }, new() { GreyShare = -1 }, new() { BlurShare = double.NaN }])
            Assert.ThrowsExactly<DataException>(() => new BatchStream(DatasetView.All(data), new BatchOptions { Augmentation = new Augmentation { Colour = colour } }));
        Assert.ThrowsExactly<DataException>(() => new BatchStream(DatasetView.All(data), new BatchOptions { Views = 3 }));
        NpzFile.Write(folder["float.npz"], [new("x", NpzArray.Of(new float[12], 1, 3, 2, 2)), new("y", NpzArray.Of(new long[1], 1))]);
        using var tensors = DataSource.Open(folder["float.npz"]);
        Assert.Contains("float tensors", Assert.ThrowsExactly<DataException>(() =>
            new BatchStream(DatasetView.All(tensors), new BatchOptions { Augmentation = new Augmentation { Colour = new ColourAugmentation() } })).Message);
    }

    private static readonly IEqualityComparer<float> Near = EqualityComparer<float>.Create((a, b) => Math.Abs(a - b) < 1e-6, _ => 0);

    private IDataset Coloured()
    {
        var random = new Random(1);
        var bytes = new byte[Examples * Side * Side * 3];
        random.NextBytes(bytes);
        NpzFile.Write(folder["x.npz"], [new("x", NpzArray.Of(bytes, Examples, Side, Side, 3)), new("y", NpzArray.Of(new long[Examples], Examples))]);
        return DataSource.Open(folder["x.npz"]);
    }

    private static BatchStream Views(IDataset data, ulong seed, int batch = 50, int threads = 1) => new(DatasetView.All(data), new BatchOptions
    {
        BatchSize = batch,
        Views = 2,
        Augmentation = Augmentation.Views,
        Shuffle = true,
        Seed = seed,
        Threads = threads,
        Preprocessing = new Preprocessing { Size = new ImageSize(Side, Side) },
    });

    private static float[] All(IDataset data, ulong seed, int threads, int epoch = 0)
    {
        var all = new List<float>();
        foreach (var batch in Views(data, seed, threads: threads).Read(epoch))
            using (batch)
                all.AddRange(batch.Inputs.ToArray());
        return [.. all];
    }
}
