import { Button } from '../../components/ui/Button';
import { useToast } from '../../components/ui/Toast';
import { playgroundTexts } from '../../i18n/playground';
import { useTexts } from '../../i18n/useTexts';

/** Puts the text on the clipboard, and says whether it could. */
export function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const t = useTexts(playgroundTexts);
  const toast = useToast();
  const write = async () => {
    try {
      await navigator.clipboard.writeText(text);
      toast.done({ title: t('copied') });
    } catch {
      toast.failed({ title: t('notCopied') });
    }
  };
  return (
    <Button size="s" aria-label={label} onClick={() => void write()}>
      {t('copyText')}
    </Button>
  );
}
