namespace OnnxPriors.Data.Tests;

[TestClass]
public sealed class DatasetViewTests
{
    [TestMethod]
    public void Some_of_each_class_are_a_subset_of_more_and_depend_on_the_seed_alone()
    {
        using var folder = new TemporaryFolder();
        folder.Write("t.csv", "a,label\n" + string.Concat(Enumerable.Range(0, 30).Select(i => $"{i},{(i % 3 == 0 ? "x" : "y")}\n")));
        using var source = DataSource.Open(folder["t.csv"]);
        var view = DatasetView.All(source);
        var (few, more) = (view.TakePerClass(2, 1), view.TakePerClass(5, 1));
        Assert.HasCount(4, few.Indices);
        Assert.HasCount(10, more.Indices);
        Assert.IsEmpty(few.Indices.Except(more.Indices));
        CollectionAssert.AreEqual(few.Indices.Order().ToArray(), few.Indices.ToArray());
        CollectionAssert.AreEqual(few.Indices.ToArray(), view.TakePerClass(2, 1).Indices.ToArray());
        CollectionAssert.AreNotEqual(more.Indices.ToArray(), view.TakePerClass(5, 2).Indices.ToArray());
        Assert.IsTrue(few.Labels.SequenceEqual(few.Indices.Select(index => source.Labels[index])));
        Assert.HasCount(30, view.TakePerClass(100, 1).Indices);
    }

    [TestMethod]
    public void Without_labels_all_examples_are_of_one_class()
    {
        using var folder = new TemporaryFolder();
        folder.Write("t.csv", "a,label\n1,x\n2,y\n");
        using var source = DataSource.Open(folder["t.csv"]);
        var view = DatasetView.All(source).Unlabelled();
        CollectionAssert.AreEqual((int[])[0, 0], view.Labels.ToArray());
        Assert.HasCount(1, view.ClassNames);
    }
}
