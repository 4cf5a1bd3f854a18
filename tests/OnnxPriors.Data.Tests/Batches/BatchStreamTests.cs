using OnnxPriors.Data.Arrays;
using OnnxPriors.Data.Batches;
using SkiaSharp;

namespace OnnxPriors.Data.Tests.Batches;

[TestClass]
public sealed class BatchStreamTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public void Every_example_comes_once_and_the_last_batch_is_smaller()
    {
        using var data = Features(23);
        var stream = new BatchStream(DatasetView.All(data), new BatchOptions { BatchSize = 5, Threads = 3 });

        var batches = Copies(stream, 0);

        Assert.AreEqual(5, stream.BatchCount);
        Assert.AreSequenceEqual([5, 5, 5, 5, 3], batches.Select(batch => batch.Labels.Length));
        Assert.AreSequenceEqual(Enumerable.Range(0, 23), batches.SelectMany(batch => batch.Examples));
        Assert.AreSequenceEqual(Enumerable.Range(0, 46).Select(value => (float)value), batches.SelectMany(batch => batch.Inputs));
        Assert.AreSequenceEqual(Enumerable.Range(0, 23).Select(value => (long)(value % 4)), batches.SelectMany(batch => batch.Labels));
    }

    [TestMethod]
    public void Each_epoch_has_its_own_order_and_the_seed_fixes_it()
    {
        using var data = Features(40);
        var options = new BatchOptions { BatchSize = 7, Shuffle = true, Seed = 5, Threads = 4 };
        var stream = new BatchStream(DatasetView.All(data), options);
        var other = new BatchStream(DatasetView.All(data), options with { Seed = 6 });

        int[] first = Order(stream, 0), second = Order(stream, 1);

        Assert.AreSequenceEqual(Enumerable.Range(0, 40), first.Order());
        Assert.IsFalse(first.SequenceEqual(second));
        Assert.IsFalse(first.SequenceEqual(Order(other, 0)));
        Assert.AreSequenceEqual(first, Order(new BatchStream(DatasetView.All(data), options with { Threads = 1 }), 0));

        static int[] Order(BatchStream stream, int epoch) => [.. Copies(stream, epoch).SelectMany(batch => batch.Examples)];
    }

    [TestMethod]
    public void Threads_caching_and_resuming_change_no_bit_of_augmented_pictures()
    {
        using var data = Gradients(30);
        using var cached = new CachedDataset(data);
        var options = new BatchOptions
        {
            BatchSize = 4,
            Shuffle = true,
            Seed = 9,
            Preprocessing = Preprocessing.Preset("imagenet").WithSize(24, 24),
            Augmentation = new Augmentation { Crop = CropAugmentation.Resized, Flip = true },
        };
        var whole = Copies(new BatchStream(DatasetView.All(data), options with { Threads = 1 }), 2);

        var withCache = new BatchStream(DatasetView.All(cached), options with { Threads = 4, Ahead = 1 });
        Copies(withCache, 0);
        Assert.IsGreaterThan(0, cached.HeldBytes);
        AssertSame(whole, Copies(withCache, 2));
        AssertSame(whole[3..], Copies(new BatchStream(DatasetView.All(data), options with { Threads = 3 }), 2, firstBatch: 3));
    }

    [TestMethod]
    public void Batches_that_are_kept_do_not_hold_the_stream_up_and_keep_their_values()
    {
        using var data = Features(50);
        var kept = new BatchStream(DatasetView.All(data), new BatchOptions { BatchSize = 2, Ahead = 1 }).Read(cancellation: TestContext.CancellationToken).ToList();

        Assert.AreSequenceEqual(Enumerable.Range(0, 100).Select(value => (float)value), kept.SelectMany(batch => batch.Inputs.ToArray()));
        kept.ForEach(batch => batch.Dispose());
        Assert.ThrowsExactly<ObjectDisposedException>(() => kept[0].Inputs);
    }

    [TestMethod]
    public void Memory_is_used_again()
    {
        using var data = Features(400);
        var stream = new BatchStream(DatasetView.All(data), new BatchOptions { BatchSize = 2, Ahead = 2 });
        var arrays = new HashSet<float[]>(ReferenceEqualityComparer.Instance);
        foreach (var batch in stream.Read(cancellation: TestContext.CancellationToken))
            using (batch)
            {
                System.Runtime.InteropServices.MemoryMarshal.TryGetArray<float>(batch.Inputs, out var segment);
                arrays.Add(segment.Array!);
            }
        // Two ahead, one with the consumer, and one that may be taken while it is given back.
        Assert.IsLessThanOrEqualTo(4, arrays.Count);
    }

    [TestMethod]
    public void A_broken_picture_stops_the_stream_at_its_batch_and_is_named()
    {
        var files = Enumerable.Range(0, 10).Select(i => ($"a/{i}.png", i is 5 or 6 ? "broken"u8.ToArray() : Pictures.Png())).ToArray();
        using var data = DataSource.Open(folder.Zip("d.zip", files));
        var stream = new BatchStream(DatasetView.All(data), new BatchOptions { BatchSize = 2, Threads = 4 });
        var seen = 0;

        var error = Assert.ThrowsExactly<DataException>(() =>
        {
            foreach (var batch in stream.Read(cancellation: TestContext.CancellationToken))
                using (batch)
                    seen++;
        });

        Assert.Contains("a/5.png", error.Message);
        Assert.AreEqual(2, seen);
    }

    [TestMethod]
    public void Cancelling_and_leaving_early_end_the_threads()
    {
        using var data = Gradients(100);
        var options = new BatchOptions { BatchSize = 1, Preprocessing = Preprocessing.Preset("unit").WithSize(64, 64) };
        var stream = new BatchStream(DatasetView.All(data), options);
        using var cancelling = new CancellationTokenSource();
        Assert.ThrowsExactly<OperationCanceledException>(() =>
        {
            foreach (var batch in stream.Read(cancellation: cancelling.Token))
                using (batch)
                    cancelling.Cancel();
        });

        foreach (var batch in stream.Read(cancellation: TestContext.CancellationToken))
            using (batch)
                break;
        // Disposing the source would make threads that still read it fail; leaving the loop has joined them.
        Assert.HasCount(100, Copies(stream, 0));
    }

    [TestMethod]
    public void Pictures_of_different_sizes_need_a_size()
    {
        using var data = DataSource.Open(folder.Zip(
            "d.zip", ("a/1.png", Pictures.Png(4, 4, (_, _) => SKColors.Red)), ("a/2.png", Pictures.Png(5, 4, (_, _) => SKColors.Red))));
        var stream = new BatchStream(DatasetView.All(data), new BatchOptions());

        var error = Assert.ThrowsExactly<DataException>(() => stream.Read(cancellation: TestContext.CancellationToken).ToList());

        Assert.Contains("'a/2.png' has 4 × 5 pixels", error.Message);
    }

    [TestMethod]
    public void An_empty_view_and_augmented_features_are_refused()
    {
        using var data = Features(4);
        Assert.Contains("no example in the part", Assert.ThrowsExactly<DataException>(() => new BatchStream(DatasetView.Of(data, DataSplit.Test))).Message);
        var options = new BatchOptions { Augmentation = new Augmentation { Flip = true } };
        Assert.Contains("only pictures", Assert.ThrowsExactly<DataException>(() => new BatchStream(DatasetView.All(data), options)).Message);
        Assert.Contains("at least one", Assert.ThrowsExactly<DataException>(() => new BatchStream(DatasetView.All(data), new BatchOptions { BatchSize = 0 })).Message);
    }

    [TestMethod]
    public void The_fingerprint_changes_with_all_that_decides_a_batch_and_with_nothing_else()
    {
        using var data = Features(8);
        using var other = Features(9);
        var view = DatasetView.All(data);
        var options = new BatchOptions { BatchSize = 4 };
        string[] different =
        [
            Of(view, options),
            Of(view, options with { BatchSize = 3 }),
            Of(view, options with { Seed = 1 }),
            Of(view, options with { Shuffle = true }),
            Of(view, options with { Preprocessing = Preprocessing.Preset("byte") }),
            Of(view.Take(7), options),
            Of(view.WithClasses(["3", "2", "1", "0"]), options),
            Of(DatasetView.All(other), options),
        ];

        Assert.AreEqual(different.Length, different.Distinct().Count());
        Assert.AreEqual(different[0], Of(view, options with { Threads = 7, Ahead = 9 }));
        Assert.IsTrue(different.All(hash => hash.Length == 64));

        static string Of(DatasetView view, BatchOptions options) => new BatchStream(view, options).Fingerprint();
    }

    [TestMethod]
    public void The_fingerprint_does_not_depend_on_where_the_pictures_lie_but_on_what_they_are()
    {
        using var one = DataSource.Open(folder.Zip("one.zip", ("a/1.png", Pictures.Png(1)), ("b/1.png", Pictures.Png(2))));
        using var same = DataSource.Open(folder.Zip("same.zip", ("wrapped/a/1.png", Pictures.Png(1)), ("wrapped/b/1.png", Pictures.Png(2))));
        using var changed = DataSource.Open(folder.Zip("changed.zip", ("a/1.png", Pictures.Png(1)), ("b/1.png", Pictures.Png(3))));

        Assert.AreEqual(one.Fingerprint, same.Fingerprint);
        Assert.AreNotEqual(one.Fingerprint, changed.Fingerprint);
    }

    internal sealed record Copy(int[] Examples, float[] Inputs, long[] Labels);

    internal static List<Copy> Copies(BatchStream stream, int epoch, int firstBatch = 0)
    {
        var copies = new List<Copy>();
        foreach (var batch in stream.Read(epoch, firstBatch))
            using (batch)
                copies.Add(new Copy([.. batch.Examples], batch.Inputs.ToArray(), [.. batch.Labels]));
        return copies;
    }

    private static void AssertSame(List<Copy> expected, List<Copy> actual)
    {
        Assert.HasCount(expected.Count, actual);
        foreach (var (one, other) in expected.Zip(actual))
        {
            Assert.AreSequenceEqual(one.Examples, other.Examples);
            Assert.AreSequenceEqual(one.Inputs, other.Inputs);
        }
    }

    private IDataset Features(int count)
    {
        float[] x = [.. Enumerable.Range(0, 2 * count).Select(value => (float)value)];
        long[] y = [.. Enumerable.Range(0, count).Select(value => (long)(value % 4))];
        NpzFile.Write(folder["f.npz"], [new("x", NpzArray.Of<float>(x, count, 2)), new("y", NpzArray.Of<long>(y, count))]);
        return DataSource.Open(folder["f.npz"]);
    }

    private IDataset Gradients(int count) => DataSource.Open(folder.Zip(
        "g.zip",
        [.. Enumerable.Range(0, count).Select(i =>
            ($"{i % 3}/{i:000}.png", Pictures.Png(40 + i % 7, 30, (x, y) => new SKColor((byte)(5 * x), (byte)(7 * y), (byte)i))))]));
}
