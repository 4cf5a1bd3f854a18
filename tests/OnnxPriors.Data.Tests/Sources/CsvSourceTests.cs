using OnnxPriors.Data.Images;

namespace OnnxPriors.Data.Tests.Sources;

[TestClass]
public sealed class CsvSourceTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    [DataRow("1.5,2,rose\n3,4e1,lily\n")]
    [DataRow("a,b,kind\n1.5,2,rose\n3,4e1,lily\n")]
    [DataRow("a;b;kind\r\n1.5;2;rose\r\n3;4e1;lily")]
    [DataRow("kind\ta\tb\nrose\t1.5\t2\nlily\t3\t4e1\n")]
    [DataRow("rose,1.5,2\nlily,3,4e1\n")]
    [DataRow("a,label,b\n1.5,rose,2\n3,lily,4e1\n")]
    [DataRow("0,1,label\n1.5,2,rose\n3,4e1,lily\n")]
    [DataRow("a,b,\"the, kind\"\n\"1.5\",2,\"rose\"\n 3 , 4e1 , lily \n\n")]
    public void Numbers_and_a_label_are_read_however_they_are_laid_out(string text)
    {
        using var data = Open(text);

        Assert.AreEqual((ExampleKind.Features, 2), (data.Kind, data.Count));
        Assert.AreSequenceEqual(new[] { "lily", "rose" }, data.ClassNames.ToArray());
        Assert.AreSequenceEqual(new[] { 1, 0 }, data.Labels.ToArray());
        float[] first = [1.5f, 2], second = [3, 40];
        Assert.AreSequenceEqual(first, Decoded(data, 0));
        Assert.AreSequenceEqual(second, Decoded(data, 1));
    }

    [TestMethod]
    public void The_label_column_can_be_named()
    {
        using var data = Open("sort,a,b\n2,1,1\n0,1,1\n", "sort");

        Assert.AreSequenceEqual(new[] { 2, 0 }, data.Labels.ToArray());
        Assert.HasCount(3, data.ClassNames);
    }

    [TestMethod]
    public void Whole_numbers_in_the_last_column_are_class_indices()
    {
        using var data = Open("5,6,1\n7,8,0\n");
        Assert.AreSequenceEqual(new[] { 1, 0 }, data.Labels.ToArray());
        Assert.AreSequenceEqual(new[] { "0", "1" }, data.ClassNames.ToArray());
    }

    [TestMethod]
    [DataRow("", "empty")]
    [DataRow("a,b,label\n", "no example")]
    [DataRow("1\n2\n", "one column")]
    [DataRow("a,b,label\n1,2,x\n1,,y\n", "line 3, column 'b'")]
    [DataRow("a,b,label\n1,2,x\n1,NaN,y\n", "finite number")]
    [DataRow("a,b,label\n1,2,x\n1,2\n", "2 cells in line 3")]
    [DataRow("a,b,label\n1,2,x\n1,2,\n", "no label for example 1")]
    [DataRow("a,b,label\n1,2,0\n1,2,-4\n", "label -4")]
    [DataRow("a,b,label\n1,2,0\n1,2,2000000000\n", "label 2000000000")]
    public void A_table_that_makes_no_data_is_refused_with_its_place(string text, string reason) =>
        Assert.Contains(reason, Assert.ThrowsExactly<DataException>(() => Open(text)).Message);

    [TestMethod]
    public void A_label_column_that_is_not_there_is_refused()
    {
        Assert.Contains("it has 'a', 'b'", Assert.ThrowsExactly<DataException>(() => Open("a,b\n1,2\n", "sort")).Message);
        Assert.Contains("no header", Assert.ThrowsExactly<DataException>(() => Open("1,2\n1,2\n", "sort")).Message);
    }

    private IDataset Open(string text, string? label = null) =>
        DataSource.Open(folder.Write("d.csv", text), new DataSourceOptions { LabelColumn = label });

    private static float[] Decoded(IDataset data, int index)
    {
        var example = new Example();
        data.Decode(index, example);
        return example.Values.ToArray();
    }
}
