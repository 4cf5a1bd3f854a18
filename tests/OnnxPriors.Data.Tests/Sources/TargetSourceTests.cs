using OnnxPriors.Data.Arrays;
using OnnxPriors.Data.Batches;

namespace OnnxPriors.Data.Tests.Sources;

/// <summary>Flags and numbers as targets: NPZ and CSV.</summary>
[TestClass]
public sealed class TargetSourceTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    public void Flags_of_an_npz_come_with_their_examples_in_any_order()
    {
        NpzFile.Write(folder["d.npz"], [
            new("x", NpzArray.Of<float>(Enumerable.Range(0, 20).Select(i => (float)(i / 2)).ToArray(), 10, 2)),
            new("labels", NpzArray.Of<long>([.. Enumerable.Range(0, 10).SelectMany(i => (long[])[i % 2, i / 5, 1])], 10, 3))]);
        using var data = DataSource.Open(folder["d.npz"], new DataSourceOptions { Targets = TargetKind.Flags });
        Assert.AreEqual(3, data.TargetCount);
        foreach (var batch in new BatchStream(DatasetView.All(data), new BatchOptions { BatchSize = 4, Shuffle = true, Seed = 3 }).Read())
            using (batch)
                for (var i = 0; i < batch.Count; i++)
                {
                    var row = (int)batch.Inputs.Span[i * 2];
                    Assert.AreSequenceEqual([row % 2, row / 5, 1f], batch.Targets.AsSpan(i * 3, 3).ToArray());
                }
    }

    [TestMethod]
    public void Numbers_of_a_csv_column_are_targets_and_decide_the_fingerprint()
    {
        folder.Write("d.csv", "a,price,b\n1,2.5,3\n4,-7e-1,6\n");
        var options = new DataSourceOptions { Targets = TargetKind.Numbers, LabelColumn = "price" };
        using var data = DataSource.Open(folder["d.csv"], options);
        var target = new float[1];
        data.CopyTargets(1, target);
        Assert.AreEqual(-0.7f, target[0]);
        folder.Write("e.csv", "a,price,b\n1,2.5,3\n4,-8e-1,6\n");
        using var other = DataSource.Open(folder["e.csv"], options);
        Assert.AreNotEqual(data.Fingerprint, other.Fingerprint);
    }

    [TestMethod]
    public void Targets_that_are_not_what_is_wanted_are_refused()
    {
        var x = NpzArray.Of<float>([1, 2], 2, 1);
        NpzFile.Write(folder["two.npz"], [new("x", x), new("y", NpzArray.Of<long>([0, 2], 2))]);
        Assert.Contains("labels are 0 or 1", Refusal("two.npz", TargetKind.Flags));
        NpzFile.Write(folder["nan.npz"], [new("x", x), new("y", NpzArray.Of<float>([0, float.NaN], 2))]);
        Assert.Contains("numbers are finite", Refusal("nan.npz", TargetKind.Numbers));
        NpzFile.Write(folder["short.npz"], [new("x", x), new("y", NpzArray.Of<float>([1, 2, 3], 3, 1))]);
        Assert.Contains("one label for each", Refusal("short.npz", TargetKind.Numbers));
        folder.Write("words.csv", "a,y\n1,two\n");
        Assert.Contains("'two' as the target", Refusal("words.csv", TargetKind.Numbers));
        Assert.Contains("labels [N, C]", Refusal("words.csv", TargetKind.Flags));
    }

    private string Refusal(string name, TargetKind targets) =>
        Assert.ThrowsExactly<DataException>(() => DataSource.Open(folder[name], new DataSourceOptions { Targets = targets })).Message;
}
