int a;

int main(void)
{
	return 1;
}
