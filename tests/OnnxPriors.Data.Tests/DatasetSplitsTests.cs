using OnnxPriors.Data.Arrays;

namespace OnnxPriors.Data.Tests;

[TestClass]
public sealed class DatasetSplitsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    public void A_share_validates_within_each_class()
    {
        using var data = Source(100, 40, 10);

        var splits = DatasetSplits.Of(data, new SplitOptions { ValidationShare = 0.2, Seed = 3 });

        Assert.AreSequenceEqual([20, 8, 2], PerClass(splits.Validation));
        Assert.AreSequenceEqual([80, 32, 8], PerClass(splits.Train));
        Assert.AreEqual(0, splits.HeldOut.Count);
        Assert.IsEmpty(splits.Train.Indices.Intersect(splits.Validation.Indices));
        Assert.AreSequenceEqual(Enumerable.Range(0, 150), splits.Train.Indices.Concat(splits.Validation.Indices).Order());
    }

    [TestMethod]
    public void The_draw_depends_on_the_seed_alone()
    {
        using var data = Source(50, 50);
        var options = new SplitOptions { ValidationShare = 0.3, ExamplesPerClass = 5, Seed = 7 };

        var (first, again) = (DatasetSplits.Of(data, options), DatasetSplits.Of(data, options));
        var other = DatasetSplits.Of(data, options with { Seed = 8 });

        Assert.AreSequenceEqual(first.Train.Indices, again.Train.Indices);
        Assert.AreSequenceEqual(first.Validation.Indices, again.Validation.Indices);
        Assert.IsFalse(first.Train.Indices.SequenceEqual(other.Train.Indices));
        Assert.IsFalse(first.Validation.Indices.SequenceEqual(other.Validation.Indices));
    }

    [TestMethod]
    public void Examples_per_class_train_and_the_rest_is_held_out()
    {
        using var data = Source(20, 30);

        var splits = DatasetSplits.Of(data, new SplitOptions { ExamplesPerClass = 10 });

        Assert.AreSequenceEqual([10, 10], PerClass(splits.Train));
        Assert.AreSequenceEqual([10, 20], PerClass(splits.HeldOut));
        Assert.AreEqual(0, splits.Validation.Count);
    }

    [TestMethod]
    public void Fewer_examples_are_a_subset_of_more_and_validate_on_the_same()
    {
        using var data = Source(40, 40);
        var options = new SplitOptions { ValidationShare = 0.25, Seed = 1 };

        var few = DatasetSplits.Of(data, options with { ExamplesPerClass = 5 });
        var more = DatasetSplits.Of(data, options with { ExamplesPerClass = 10 });

        Assert.AreSequenceEqual(few.Validation.Indices, more.Validation.Indices);
        Assert.IsEmpty(few.Train.Indices.Except(more.Train.Indices));
        Assert.IsEmpty(more.Train.Indices.Intersect(more.Validation.Indices));
    }

    [TestMethod]
    public void The_draw_is_not_the_first_examples()
    {
        using var data = Source(1000);
        var mean = DatasetSplits.Of(data, new SplitOptions { ExamplesPerClass = 100 }).Train.Indices.Average();
        // The mean of 100 drawn of 1000 has a standard deviation of 27.4; four of them.
        Assert.AreEqual(499.5, mean, 110);
    }

    [TestMethod]
    public void The_sources_own_parts_are_kept_and_its_test_data_never_drawn()
    {
        var x = NpzArray.Of<float>(new float[30], 30, 1);
        var y = NpzArray.Of<long>([.. Enumerable.Range(0, 30).Select(i => (long)(i % 2))], 30);
        NpzFile.Write(folder["d.npz"], [new("x_train", x), new("y_train", y), new("x_val", x), new("y_val", y), new("x_test", x), new("y_test", y)]);
        using var data = DataSource.Open(folder["d.npz"]);

        var byFolder = DatasetSplits.Of(data, new SplitOptions { ExamplesPerClass = 3 });
        Assert.AreSequenceEqual([6, 30, 24, 30], [byFolder.Train.Count, byFolder.Validation.Count, byFolder.HeldOut.Count, byFolder.Test.Count]);

        var byShare = DatasetSplits.Of(data, new SplitOptions { ValidationShare = 0.2 });
        Assert.AreEqual(6, byShare.Validation.Count);
        foreach (var drawn in byShare.Train.Indices.Concat(byShare.Validation.Indices).Concat(byShare.HeldOut.Indices))
            Assert.AreEqual(DataSplit.Train, data.Splits[drawn]);
    }

    [TestMethod]
    public void A_single_example_of_a_class_trains()
    {
        using var data = Source(1, 10);
        var splits = DatasetSplits.Of(data, new SplitOptions { ValidationShare = 0.1 });
        Assert.AreSequenceEqual([1, 9], PerClass(splits.Train));
    }

    [TestMethod]
    public void What_cannot_be_drawn_is_refused()
    {
        using var data = Source(5, 20);
        Assert.Contains("5 examples of class '0'", Refused(new SplitOptions { ExamplesPerClass = 6 }));
        Assert.Contains("at least 1", Refused(new SplitOptions { ExamplesPerClass = 0 }));
        Assert.Contains("below 1", Refused(new SplitOptions { ValidationShare = 1 }));
        Assert.Contains("below 1", Refused(new SplitOptions { ValidationShare = -0.1 }));
        Assert.Contains("below 1", Refused(new SplitOptions { ValidationShare = double.NaN }));

        NpzFile.Write(folder["t.npz"], [new("x_test", NpzArray.Of<float>([1], 1, 1)), new("y_test", NpzArray.Of<long>([0], 1))]);
        using var tests = DataSource.Open(folder["t.npz"]);
        Assert.Contains("no example to train on", Assert.ThrowsExactly<DataException>(() => DatasetSplits.Of(tests)).Message);

        string Refused(SplitOptions options) => Assert.ThrowsExactly<DataException>(() => DatasetSplits.Of(data, options)).Message;
    }

    [TestMethod]
    public void Labels_beyond_the_models_classes_are_refused()
    {
        using var data = Source(2, 2, 2);
        var view = DatasetView.All(data);

        Assert.AreSame(view, view.RequireClasses(3));
        var error = Assert.ThrowsExactly<DataException>(() => view.RequireClasses(2));
        Assert.Contains("label 2", error.Message);
        Assert.Contains("example 4", error.Message);
    }

    [TestMethod]
    public void Classes_are_counted_as_the_model_counts_them()
    {
        using var data = DataSource.Open(folder.Zip("d.zip", ("cat/1.png", Pictures.Png()), ("dog/1.png", Pictures.Png())));
        var view = DatasetView.All(data);

        Assert.AreSequenceEqual([3, 0], view.WithClasses(["dog", "ape", "bee", "cat"]).Labels);
        Assert.AreSame(view, view.WithClasses(["cat", "dog"]));
        Assert.Contains("the class 'dog', which the model lacks", Assert.ThrowsExactly<DataException>(() => view.WithClasses(["cat", "cow"])).Message);
    }

    private static int[] PerClass(DatasetView view) =>
        [.. Enumerable.Range(0, view.ClassNames.Count).Select(label => view.Labels.Count(other => other == label))];

    private IDataset Source(params int[] perClass)
    {
        long[] labels = [.. perClass.SelectMany((count, label) => Enumerable.Repeat((long)label, count))];
        NpzFile.Write(folder["d.npz"], [new("x", NpzArray.Of<float>(new float[labels.Length], labels.Length, 1)), new("y", NpzArray.Of<long>(labels, labels.Length))]);
        return DataSource.Open(folder["d.npz"]);
    }
}
