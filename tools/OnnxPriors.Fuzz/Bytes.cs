using System.Buffers.Binary;

namespace OnnxPriors.Fuzz;

/// <summary>Changes to a file that know nothing of its format.</summary>
internal static class Bytes
{
    private static readonly long[] Interesting = [0, 1, -1, 2, 16, 64, 127, 128, 255, 256, 32767, 65535, int.MaxValue, int.MinValue, uint.MaxValue, 1L << 32, 1L << 40, long.MaxValue, long.MinValue];

    public static byte[] Mutate(byte[] bytes, Random random, int most = 8)
    {
        var all = bytes.ToList();
        for (var changes = random.Next(1, most + 1); changes > 0 && all.Count > 0; changes--)
        {
            var at = random.Next(all.Count);
            var length = Math.Min(all.Count - at, random.Next(1, 1 << random.Next(1, 9)));
            switch (random.Next(8))
            {
                case 0:
                    all[at] = (byte)random.Next(256);
                    break;
                case 1:
                    all[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    all.RemoveRange(at, length);
                    break;
                case 3:
                    all.InsertRange(at, all.GetRange(at, length));
                    break;
                case 4:
                    all.InsertRange(at, Enumerable.Range(0, Math.Min(length, 16)).Select(_ => (byte)random.Next(256)));
                    break;
                case 5:
                    Put(all, at, random);
                    break;
                case 6:
                    var other = random.Next(all.Count);
                    all.InsertRange(at, all.GetRange(other, Math.Min(length, all.Count - other)));
                    break;
                default:
                    if (random.Next(6) == 0)
                        all.RemoveRange(at, all.Count - at);
                    break;
            }
        }
        return [.. all];
    }

    /// <summary>A number that readers trip over.</summary>
    public static long Number(Random random) => random.Next(3) == 0 ? random.Next(-4, 12) : Interesting[random.Next(Interesting.Length)];

    private static void Put(List<byte> all, int at, Random random)
    {
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(number, Number(random));
        var width = 1 << random.Next(4);
        for (var i = 0; i < width && at + i < all.Count; i++)
            all[at + i] = number[i];
    }
}
