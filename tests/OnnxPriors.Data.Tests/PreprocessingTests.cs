namespace OnnxPriors.Data.Tests;

[TestClass]
public sealed class PreprocessingTests
{
    [TestMethod]
    [DataRow("imagenet")]
    [DataRow("caffe2-bgr")]
    [DataRow("lite")]
    [DataRow("unit")]
    [DataRow("byte")]
    public void Every_preset_survives_its_JSON(string preset)
    {
        var preprocessing = Preprocessing.Preset(preset);
        Assert.AreEqual(preprocessing, Preprocessing.FromJson(preprocessing.ToJson()));
    }

    [TestMethod]
    public void The_JSON_has_the_form_of_the_models_metadata() =>
        Assert.AreEqual(
            """{"size":[224,224],"crop":"center","channels":"bgr","scale":"byte","mean":[104,117,123]}""",
            Preprocessing.Preset("caffe2-bgr").ToJson());

    [TestMethod]
    public void The_short_side_before_the_crop_is_in_the_JSON() =>
        Assert.Contains("\"size\":[224,224],\"resize\":256,", Preprocessing.Preset("imagenet").ToJson());

    [TestMethod]
    [DataRow("nonsense")]
    [DataRow("null")]
    [DataRow("""{"size":[224]}""")]
    [DataRow("""{"size":[0,10]}""")]
    [DataRow("""{"size":[100000,10]}""")]
    [DataRow("""{"resize":-1}""")]
    [DataRow("""{"channels":"cmyk"}""")]
    [DataRow("""{"mean":[1,2]}""")]
    [DataRow("""{"std":[1,0,1]}""")]
    [DataRow("""{"std":[1,1e999,1]}""")]
    public void Metadata_that_makes_no_sense_is_refused(string json) =>
        Assert.ThrowsExactly<DataException>(() => Preprocessing.FromJson(json));

    [TestMethod]
    public void An_unknown_preset_is_refused_with_those_there_are() =>
        Assert.Contains("imagenet, caffe2-bgr", Assert.ThrowsExactly<DataException>(() => Preprocessing.Preset("vgg")).Message);

    [TestMethod]
    public void The_short_side_grows_with_the_size()
    {
        var preprocessing = Preprocessing.Preset("imagenet").WithSize(112, 112);

        Assert.AreEqual(128, preprocessing.Resize);
        Assert.AreEqual(new ImageSize(112, 112), preprocessing.Size);
    }

    [TestMethod]
    public void Fitting_to_a_grey_model_averages_mean_and_deviation()
    {
        var preprocessing = Preprocessing.Preset("lite").FittedTo(1, 28, 28);

        Assert.AreEqual(ChannelOrder.Gray, preprocessing.Channels);
        Assert.AreEqual(127, preprocessing.Mean.Single());
        Assert.AreEqual(128, preprocessing.Deviation.Single());
        Assert.AreEqual(new ImageSize(28, 28), preprocessing.Size);
        Assert.ThrowsExactly<DataException>(() => preprocessing.FittedTo(5, 28, 28));
    }
}
