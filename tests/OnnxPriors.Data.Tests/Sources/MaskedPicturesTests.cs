using OnnxPriors.Data.Batches;
using OnnxPriors.Data.Tests.Images;
using SkiaSharp;

namespace OnnxPriors.Data.Tests.Sources;

[TestClass]
public sealed class MaskedPicturesTests : IDisposable
{
    private const int Width = 12, Height = 8;

    private readonly TemporaryFolder folder = new();

    private static DataSourceOptions Masks => new() { Targets = TargetKind.Mask };

    public void Dispose() => folder.Dispose();

    [TestMethod]
    [DataRow("")]
    [DataRow("camvid/")]
    public void Pictures_and_masks_of_each_part_are_paired_by_their_names(string wrap)
    {
        var path = folder.Zip(
            "d.zip",
            ($"{wrap}train/images/b.png", Picture()), ($"{wrap}train/masks/b.png", Mask()),
            ($"{wrap}train/images/a.png", Picture()), ($"{wrap}train/masks/a.png", Mask()), ($"{wrap}train/masks/unused.png", Mask()),
            ($"{wrap}val/images/a.png", Picture()), ($"{wrap}val/masks/a.png", Mask()),
            ($"{wrap}test/images/c.png", Picture()), ($"{wrap}test/masks/c.png", Mask()),
            ("__MACOSX/train/x.png", Picture()));
        using var data = DataSource.Open(path, Masks);
        Assert.AreEqual(TargetKind.Mask, data.Targets);
        Assert.AreSequenceEqual(new[] { DataSplit.Test, DataSplit.Train, DataSplit.Train, DataSplit.Validation }, data.Splits.ToArray());
        var splits = DatasetSplits.Of(data, new SplitOptions { ExamplesPerClass = 1 });
        Assert.AreEqual((1, 1, 1, 1), (splits.Train.Count, splits.Validation.Count, splits.HeldOut.Count, splits.Test.Count));
    }

    [TestMethod]
    [DataRow(CropAugmentation.None, 0, 0)]
    [DataRow(CropAugmentation.Padded, 0, 0)]
    [DataRow(CropAugmentation.Resized, 0, 0)]
    [DataRow(CropAugmentation.Padded, 16, 24)]
    public void Picture_and_mask_are_moved_mirrored_and_resized_together(CropAugmentation crop, int height, int width)
    {
        // Each pixel's red is ten times its label plus ten, in blocks, so that the picture tells which label belongs where.
        folder.Write("d/images/a.png", Picture());
        folder.Write("d/masks/a.png", Mask());
        using var data = new CachedDataset(DataSource.Open(folder["d"], Masks));
        var stream = new BatchStream(DatasetView.All(data), new BatchOptions
        {
            BatchSize = 1,
            Preprocessing = new Preprocessing { Scale = PixelScale.Byte, Size = height == 0 ? null : new ImageSize(height, width) },
            Augmentation = new Augmentation { Crop = crop, Flip = true, Padding = 2 },
            Masks = new MaskLabels(6, 200),
        });
        var (outside, compared, layouts) = (0, 0, new HashSet<string>());
        for (var epoch = 0; epoch < 30; epoch++)
        {
            using var batch = stream.Read(epoch).Single();
            Assert.HasCount((int)(batch.Shape[2] * batch.Shape[3]), batch.Labels);
            layouts.Add(string.Join(',', batch.Labels));
            for (var i = 0; i < batch.Labels.Length; i++)
            {
                var red = batch.Inputs.Span[i];
                if (batch.Labels[i] == 200)
                {
                    // What came in at the border is black, up to the blend of enlarged edges.
                    outside++;
                    Assert.AreEqual(0, red, 1e-3);
                }
                else if (red % 10 == 0 && red > 0)
                {
                    // Away from the blended edges of blocks.
                    compared++;
                    Assert.AreEqual(red, batch.Labels[i] * 10 + 10, 10, $"epoch {epoch}, pixel {i}");
                    if (crop != CropAugmentation.Resized && height == 0)
                        Assert.AreEqual(red, batch.Labels[i] * 10 + 10);
                }
            }
        }
        Assert.IsGreaterThan(1, layouts.Count);
        Assert.IsGreaterThan(30, compared);
        Assert.AreEqual(crop == CropAugmentation.Padded, outside > 0);
    }

    [TestMethod]
    public void A_missing_mask_one_of_another_size_and_a_label_out_of_range_are_refused_by_name()
    {
        folder.Write("none/images/a.png", Picture());
        folder.Write("none/images/b.png", Picture());
        folder.Write("none/masks/b.png", Mask());
        var missing = Assert.ThrowsExactly<DataException>(() => DataSource.Open(folder["none"], Masks)).Message;
        Assert.Contains("'images/a.png'", missing);
        Assert.Contains("'masks/a.png'", missing);

        folder.Write("small/images/a.png", Picture());
        folder.Write("small/masks/a.png", MaskPng.Write(3, new byte[9], 0, 8));
        Assert.Contains("has 3 × 3 pixels, and its picture 'images/a.png' 12 × 8", Read("small"));

        var labels = Labels();
        labels[Width + 2] = 77;
        folder.Write("range/images/a.png", Picture());
        folder.Write("range/masks/a.png", MaskPng.Write(Width, labels, 0, 8));
        Assert.Contains("has label 77 at row 1, column 2: labels are 0 to 5, and 200", Read("range"));

        folder.Write("other/a/1.png", Picture());
        Assert.Contains("images/NAME", Assert.ThrowsExactly<DataException>(() => DataSource.Open(folder["other"], Masks)).Message);
    }

    private string Read(string name)
    {
        using var data = DataSource.Open(folder[name], Masks);
        return Assert.ThrowsExactly<DataException>(() =>
        {
            var stream = new BatchStream(DatasetView.All(data), new BatchOptions { Masks = new MaskLabels(6, 200) });
            foreach (var batch in stream.Read())
                batch.Dispose();
        }).Message;
    }

    // Six blocks of 4 × 4 pixels.
    private static byte[] Labels() => [.. Enumerable.Range(0, Width * Height).Select(i => (byte)(i % Width / 4 + i / Width / 4 * 3))];

    private static byte[] Mask() => MaskPng.Write(Width, Labels(), 3, 8);

    private static byte[] Picture()
    {
        var labels = Labels();
        return Pictures.Png(Width, Height, (x, y) => new SKColor((byte)(10 * labels[y * Width + x] + 10), 0, 0));
    }
}
