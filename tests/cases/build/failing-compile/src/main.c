int main
