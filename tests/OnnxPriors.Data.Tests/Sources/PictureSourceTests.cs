using System.IO.Compression;
using OnnxPriors.Data.Images;

namespace OnnxPriors.Data.Tests.Sources;

[TestClass]
public sealed class PictureSourceTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    public void Class_folders_are_classes_in_ordinal_order()
    {
        folder.Write("d/zebra/1.png", Pictures.Png(1));
        folder.Write("d/Zoo/1.PNG", Pictures.Png(2));
        folder.Write("d/ape/2.png", Pictures.Png(4));
        folder.Write("d/ape/1.png", Pictures.Png(3));
        folder.Write("d/ape/notes.txt", "no picture");
        folder.Write("d/.hidden/1.png", Pictures.Png(5));
        folder.Write("d/readme.md", "no picture");

        using var data = DataSource.Open(folder["d"]);

        Assert.AreSequenceEqual(new[] { "Zoo", "ape", "zebra" }, data.ClassNames.ToArray());
        Assert.AreSequenceEqual(new[] { 0, 1, 1, 2 }, data.Labels.ToArray());
        Assert.AreSequenceEqual(new byte[] { 2, 3, 4, 1 }, Enumerable.Range(0, 4).Select(index => Red(data, index)).ToArray());
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("wrap/")]
    [DataRow("outer/wrap/")]
    public void Split_folders_are_recognised_in_an_archive_under_any_wrapping(string wrap)
    {
        var path = folder.Zip(
            "d.zip",
            (wrap + "train/", []),
            (wrap + "train/b/1.png", Pictures.Png(1)),
            (wrap + "val/a/1.png", Pictures.Png(2)),
            (wrap + "train/a/1.png", Pictures.Png(3)),
            (wrap + "test/b/1.png", Pictures.Png(4)),
            ("__MACOSX/x/y.png", Pictures.Png(5)));

        using var data = DataSource.Open(path);

        Assert.AreSequenceEqual(new[] { "a", "b" }, data.ClassNames.ToArray());
        Assert.AreSequenceEqual(new[] { DataSplit.Test, DataSplit.Train, DataSplit.Train, DataSplit.Validation }, data.Splits.ToArray());
        Assert.AreSequenceEqual(new[] { 1, 0, 1, 0 }, data.Labels.ToArray());
        Assert.AreEqual(4, Red(data, 0));
    }

    [TestMethod]
    public void A_source_of_the_training_part_alone_is_still_divided()
    {
        var path = folder.Zip("d.zip", ("train/a/1.png", Pictures.Png()), ("train/b/1.png", Pictures.Png()));
        using var data = DataSource.Open(path);
        Assert.IsTrue(data.Splits.All(split => split == DataSplit.Train));
        Assert.HasCount(2, data.ClassNames);
    }

    [TestMethod]
    public void One_class_in_one_folder_is_a_class()
    {
        using var data = DataSource.Open(folder.Zip("d.zip", ("cat/1.png", Pictures.Png()), ("cat/2.png", Pictures.Png())));
        Assert.AreEqual("cat", data.ClassNames.Single());
    }

    [TestMethod]
    [DataRow("a/1.png", "train/a/1.png")]
    [DataRow("train/a/1.png", "other/a/1.png")]
    [DataRow("a/1.png", "1.png")]
    [DataRow("a/1.png", "b/deeper/1.png")]
    [DataRow("train/a/1.png", "test/1.png")]
    public void Mixed_layouts_are_refused_with_both_files(string first, string second)
    {
        var error = Refused(folder.Zip("d.zip", (first, Pictures.Png()), (second, Pictures.Png())));
        Assert.Contains("mixes layouts", error);
        Assert.Contains(second, error);
    }

    [TestMethod]
    public void Pictures_right_in_a_split_folder_are_refused() =>
        Assert.Contains("folder for their class", Refused(folder.Zip("d.zip", ("train/1.png", Pictures.Png()), ("test/1.png", Pictures.Png()))));

    [TestMethod]
    public void A_class_folder_with_no_picture_is_refused_by_name()
    {
        folder.Write("d/a/1.png", Pictures.Png());
        Directory.CreateDirectory(folder["d/empty"]);
        Assert.Contains("'empty'", Refused(folder["d"]));
        Assert.Contains("'b'", Refused(folder.Zip("d.zip", ("a/1.png", Pictures.Png()), ("b/readme.txt", [1]))));
        Assert.Contains("'test/a'", Refused(folder.Zip("e.zip", ("train/a/1.png", Pictures.Png()), ("test/a/", []))));
    }

    [TestMethod]
    public void A_source_without_a_picture_is_refused()
    {
        Assert.Contains("holds no picture", Refused(folder.Zip("d.zip")));
        Assert.Contains("holds no picture", Refused(folder.Zip("e.zip", ("a/readme.txt", [1]))));
        Assert.Contains("holds no picture", Refused(folder.Path));
        Assert.Contains("no file or folder", Refused(folder["absent"]));
    }

    [TestMethod]
    [DataRow("../a/1.png")]
    [DataRow("a/../../1.png")]
    [DataRow("/a/1.png")]
    [DataRow("..\\a\\1.png")]
    [DataRow("C:/a/1.png")]
    [DataRow("a/./1.png")]
    public void An_archive_with_a_name_that_leads_out_is_refused(string name) =>
        Assert.Contains("leads out of the archive", Refused(folder.Zip("d.zip", ("a/0.png", Pictures.Png()), (name, Pictures.Png()))));

    [TestMethod]
    public void An_archive_with_a_link_is_refused()
    {
        using (var archive = ZipFile.Open(folder["d.zip"], ZipArchiveMode.Create))
        {
            var entry = archive.CreateEntry("a/1.png");
            entry.ExternalAttributes = unchecked((int)0xA1FF0000);
            using var stream = entry.Open();
            stream.Write("/etc/passwd"u8);
        }
        Assert.Contains("a link", Refused(folder["d.zip"]));
    }

    [TestMethod]
    public void An_archive_that_inflates_beyond_the_limit_is_refused_when_opened()
    {
        var path = folder.Zip("d.zip", ("a/1.png", new byte[3 << 20]));
        var options = new DataSourceOptions { Limits = new DataLimits { FileBytes = 1 << 20 } };
        Assert.Contains("at most 1048576", Assert.ThrowsExactly<DataException>(() => DataSource.Open(path, options)).Message);
    }

    [TestMethod]
    public void An_entry_that_declares_another_length_than_it_has_is_refused()
    {
        var path = folder.Zip("d.zip", ("a/1.png", new byte[100_000]));
        var bytes = File.ReadAllBytes(path);
        // The central directory's entry starts with PK 1 2; the declared length stands 24 bytes on.
        var directory = bytes.AsSpan().LastIndexOf("PK\u0001\u0002"u8);
        BitConverter.TryWriteBytes(bytes.AsSpan(directory + 24), 50_000_000);
        File.WriteAllBytes(path, bytes);
        Assert.Contains("more than compression can do", Refused(path));

        BitConverter.TryWriteBytes(bytes.AsSpan(directory + 24), 100_001);
        File.WriteAllBytes(path, bytes);
        using var data = DataSource.Open(path);
        Assert.ThrowsExactly<DataException>(() => data.Decode(0, new Example()));
    }

    [TestMethod]
    public void A_broken_archive_is_refused()
    {
        var bytes = File.ReadAllBytes(folder.Zip("d.zip", ("a/1.png", Pictures.Png())));
        Assert.Contains("zip archive", Refused(folder.Write("cut.zip", bytes[..^30])));
        Assert.Contains("no zip archive", Refused(folder.Write("text.zip", "no archive")));
        Assert.Contains("no known kind", Refused(folder.Write("what.bin", "who knows")));
    }

    [TestMethod]
    public void A_broken_picture_is_refused_by_name_when_it_is_decoded()
    {
        using var data = DataSource.Open(folder.Zip("d.zip", ("a/good.png", Pictures.Png()), ("a/bad.jpg", [0xFF, 0xD8, 0xFF, 1, 2, 3])));
        Assert.Contains("a/bad.jpg", Assert.ThrowsExactly<DataException>(() => data.Decode(0, new Example())).Message);
        data.Decode(1, new Example());
    }

    private static string Refused(string path) => Assert.ThrowsExactly<DataException>(() => DataSource.Open(path)).Message;

    private static byte Red(IDataset data, int index)
    {
        var example = new Example();
        data.Decode(index, example);
        return example.Rgba[0];
    }
}
